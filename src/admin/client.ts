import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';

const SILENCE_LIMIT_MS = 5000;

/** Asks a running program through its admin socket. Throws when nobody answers there, or refuses. */
export async function askAdmin<Answer = unknown>(
  socketPath: string,
  path: string,
): Promise<Answer> {
  const sent = request({ socketPath, path, timeout: SILENCE_LIMIT_MS });
  sent.on('timeout', () => sent.destroy(new Error('no answer')));
  sent.end();
  let response: IncomingMessage;
  try {
    [response] = (await once(sent, 'response')) as [IncomingMessage];
  } catch (error) {
    const why = (error as Error).message;
    throw new Error(`admin socket ${socketPath}: ${why} (does baton run there?)`, { cause: error });
  }
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
  if (response.statusCode !== 200) throw new Error(`admin ${path}: ${text.trim()}`);
  return JSON.parse(text) as Answer;
}
