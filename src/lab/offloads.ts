// What the engine `xdp` is compared under: every host sums and cuts its own packets, as its program sees
// them one by one. Without it the kernel does so at the switch, in front of the engine.
import { closeSync, openSync } from 'node:fs';
import { offloadNothing } from '../packet-io/ethernet.ts';
import { within } from '../packet-io/network-namespace.ts';
import { namespaceOf, namespacePath } from './namespaces.ts';
import type { Topology } from './topology.ts';

/** No end of a link computes checksums or cuts segments in place of the kernel any more. */
export function offloadNoLink(labName: string, { hosts, links }: Topology): void {
  const ends = links.flatMap((link) => link.ends);
  for (const { name } of hosts) {
    const namespace = openSync(namespacePath(namespaceOf(labName, name)), 'r');
    within(namespace, () => {
      for (const { host, device } of ends) if (host === name) offloadNothing(device);
    });
    closeSync(namespace);
  }
}
