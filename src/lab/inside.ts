// Entry of the programs that run inside a host of the lab:
//   lab-inside.mjs echo NAME PORT     the built-in web server
//   lab-inside.mjs tour               the tour's client; its plan comes on stdin as JSON
import { createEchoServer } from './echo-server.ts';

const BACKLOG = 1024;

const [program, ...args] = process.argv.slice(2);
if (program === 'echo') {
  const [name = '', port = ''] = args;
  createEchoServer(name).listen({ port: Number(port), host: '::', backlog: BACKLOG }, () =>
    console.log(`echo: ${name} listens on port ${port}`),
  );
} else {
  console.error(`lab: no program "${program}"`);
  process.exitCode = 2;
}
