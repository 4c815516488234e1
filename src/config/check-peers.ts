// The other switches of a group.
import { isInFront } from './check-roles.ts';
import { Once, list, namesOf, section, texts } from './loose.ts';
import type { Loose } from './loose.ts';
import type { Problem } from './problem.ts';

export function checkPeers(raw: Loose, problems: Problem[]): void {
  const peers = list(raw['peers']);
  if (peers.length === 0) return;
  const once = new Once(problems);
  const others = [...namesOf(raw['servers']), String(raw['name'])];
  peers.forEach((item, index) => {
    const { name } = section(item);
    const path = ['peers', index, 'name'];
    if (typeof name !== 'string') return;
    once.add(`switch "${name}"`, path);
    if (!others.includes(name)) return;
    problems.push({ path, text: `expected another switch, "${name}" is a server or this host` });
  });
  const say = (text: string): void => void problems.push({ path: ['peers'], at: 'key', text });
  const isSwitch = texts(raw['roles']).some(([, role]) => role === 'switch');
  if (!isSwitch || isInFront(raw)) return say('only a switch that reads requests has use for it');
  if (section(raw['switch'])['listen'] === undefined) {
    say('expected switch.listen beside it: there they reach this one');
  }
  list(raw['services']).forEach((item, index) => {
    const { requests, on } = section(item);
    const refuse = (key: string, text: string): void =>
      void problems.push({ path: ['services', index, key], text });
    if (requests === 'per-request') {
      refuse('requests', 'expected per-connection beside "peers": each would decide for itself');
    }
    if (on === 'syn') refuse('on', 'expected ack beside "peers": the ACK may come to another one');
  });
}
