// A lab without switch and agents that stays up until it is ended; prints `up` when it is.
import { withLab } from '../../src/lab/lab.ts';

const options = { servers: 1, server: 'echo', workers: 1, plain: true, command: [] } as const;

process.exitCode = await withLab({ ...options, command: [] }, async (_lab, signal) => {
  console.log('up');
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return 0;
});
