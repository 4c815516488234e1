import type { DispatcherView } from '../admin/views.ts';
import { ControlChannels } from '../channel/control-channel.ts';
import { monotonicMs } from '../clock.ts';
import { DispatcherPlane } from '../control/dispatcher/dispatcher-plane.ts';
import type { PlaneEvent } from '../event.ts';
import { channelEvents, channelsByPeer, type Ground } from './ground.ts';
import type { RunningRole } from './running-part.ts';

export interface RunningDispatcher extends RunningRole {
  view: () => DispatcherView;
}

/**
 * Starts a dispatcher for the distributors of other hosts; comes back when it listens. It has no device,
 * no workers and no deadlines: what it hears it answers at once. Throws when it cannot listen.
 */
export async function startDispatcher(ground: Ground): Promise<RunningDispatcher> {
  const { config, run, tls, notice } = ground;
  const plane = new DispatcherPlane({ config, run, random: Math.random });
  const receive = (event: PlaneEvent): void => {
    const { messages } = plane.receive(event, monotonicMs());
    for (const { to, message } of messages) channels.send(to, message);
  };
  const channels: ControlChannels = new ControlChannels({
    name: config.name,
    hello: () => {
      throw new Error('a dispatcher dials nobody');
    },
    tls,
    insecure: config.insecure,
    listen: config.dispatcher?.listen,
    timing: config.timing,
    now: monotonicMs,
    on: channelEvents(receive, notice),
  });
  await channels.start();
  return {
    view: () => ({ ...plane.stats(), channels: channelsByPeer(channels.peers()) }),
    isUp: () => channels.peers().some((peer) => peer.up),
    reload: async (next, keys) => {
      channels.retune({ timing: next.timing, tls: keys });
      receive({ kind: 'config', config: next });
    },
    // those who ask it decide by themselves without it
    drain: () => Promise.resolve(0),
    stop: () => channels.stop(),
  };
}
