import { isInFront } from '../../channel/front-notices.ts';
import type { Message } from '../../channel/messages.ts';
import type { PacketEvent } from '../../event.ts';
import { idKey } from '../../tuple.ts';
import { NO_SERVER } from '../dispatcher/policy.ts';
import { packetArrived } from '../distributor/arrival.ts';
import { askAnew, serveQueues } from '../distributor/await-server.ts';
import { busy, followDeadline, released } from '../distributor/ask.ts';
import { decided, failed, handingDeadline, ready } from '../distributor/handoff.ts';
import { decidedNext } from '../distributor/next-request.ts';
import { farewellDeadline } from '../distributor/refuse.ts';
import { gatherDeadline } from '../distributor/request.ts';
import type { Opening, Question } from '../opening.ts';
import type { Server, SwitchState } from '../state.ts';
import { closed, repeatCloses } from './close.ts';
import { Departures } from './departures.ts';
import { answered, isOthers, peerMessage, peerUp, stray } from './group.ts';
import { Recovery, idleTold } from './recovery.ts';
import { channelDown, channelUp, disown, resynced } from './resync.ts';
import { SwitchPlane } from './switch-plane.ts';
import type { ChannelEvent } from './switch-plane.ts';

/** The control plane of a host with role `switch`: distributor, dispatcher and table in one. */
export class WebSwitch extends SwitchPlane {
  private readonly departures = new Departures(this.state.connections.entryCount);
  private readonly recovery = new Recovery();

  protected override arrived(event: PacketEvent, nowMs: number): void {
    if (isOthers(this.state, event, nowMs)) return;
    packetArrived(this.state, event, nowMs);
  }

  protected override stray(event: PacketEvent, nowMs: number): void {
    stray(this.state, event, nowMs);
  }

  protected override heard(event: ChannelEvent, nowMs: number): void {
    const { state } = this;
    if (event.kind === 'message') this.message(event.from, event.message, nowMs);
    else if (event.kind === 'channel-up') {
      const server = state.serverNamed(event.peer);
      if (state.remote?.has(event.peer)) state.remote.channelUp(event.peer, event.hello);
      else if (state.owners.has(event.peer)) peerUp(state, event.peer, nowMs);
      else if (isInFront(event.hello)) state.fronts.up(state, event.peer, event.hello, nowMs);
      else if (server) channelUp(state, server, event.hello, nowMs);
    } else if (state.remote?.has(event.peer)) {
      for (const question of state.remote.channelDown(event.peer)) {
        decide(state, question, NO_SERVER, nowMs);
      }
    } else {
      const server = state.serverNamed(event.peer);
      if (state.owners.has(event.peer)) state.owners.changed(event.peer, false, nowMs);
      else if (server) channelDown(state, server, nowMs, event.heardMs);
      else state.fronts.notices.down(event.peer, nowMs);
    }
  }

  protected override time(nowMs: number): number {
    const { state } = this;
    this.runDeadlines(nowMs);
    repeatCloses(state, nowMs);
    const sweepMs = super.time(nowMs);
    state.fronts.time(state, nowMs);
    const departuresMs = this.departures.time(state, nowMs);
    const recoveryMs = this.recovery.time(state, nowMs);
    if (state.quorums.look(state, nowMs)) askAnew(state, nowMs);
    serveQueues(state, nowMs);
    state.remote?.send(nowMs, (to, message) => state.sendTo(to, message));
    state.questions.time(state, nowMs);
    const ownMs = Math.min(state.deadlines.nextMs, state.owed.nextMs, state.questions.nextMs);
    return Math.min(ownMs, sweepMs, departuresMs, recoveryMs);
  }

  private message(from: string, message: Message, nowMs: number): void {
    const server = this.state.serverNamed(from);
    if (server) this.serverMessage(server, message, nowMs);
    else if (this.state.owners.has(from)) peerMessage(this.state, from, message, nowMs);
    else if (message.type === 'dispatched') {
      const { state } = this;
      state.remote?.answered(from, message, (question, chosen) => {
        decide(state, question, chosen, nowMs);
      });
    } else if (message.type === 'confirm') this.state.fronts.confirmed(this.state, from, message);
  }

  private serverMessage(server: Server, message: Message, nowMs: number): void {
    const { state } = this;
    if (message.type === 'ready') ready(state, server, message, nowMs);
    else if (message.type === 'failed') {
      failed(state, server, message, nowMs);
      disown(state, server, message, nowMs);
    } else if (message.type === 'close') closed(state, server, message, nowMs);
    else if (message.type === 'confirm') {
      for (const id of message.ids) state.owed.settle(id, server.index);
    } else if (message.type === 'session') {
      state.figures.sessions += 1;
      state.affinities.set(message.key, server.index);
    } else if (message.type === 'released') released(state, server, message, nowMs);
    else if (message.type === 'busy') busy(state, server, message, nowMs);
    else if (message.type === 'idle') idleTold(state, server, message);
    else if (message.type === 'requests') server.requests.set(idKey(message.id), message);
    else if (message.type === 'answer') answered(state, server.name, message.found, nowMs);
    else if (message.type === 'resync') resynced(state, server, message, nowMs);
    else if (message.type === 'hello') {
      // answers ours of a changed configuration
      server.bindings = message.bindings;
      state.queues.isDue = true;
    }
  }

  private runDeadlines(nowMs: number): void {
    const { state } = this;
    for (;;) {
      const opening = state.deadlines.takeDue(nowMs);
      if (!opening) return;
      deadline(state, opening, nowMs);
      if (opening.phase === 'over') continue;
      state.deadlines.add(opening, Math.min(opening.deadlineMs, opening.ackDueMs));
    }
  }
}

/** What a dispatcher has said, or not: then NO_SERVER. */
function decide(state: SwitchState, question: Question, server: number, nowMs: number): void {
  // an answer before this one may have ended the connection
  if (question.opening.question !== question) state.remote!.decline(question, server);
  else if (question.next) decidedNext(state, question, server, nowMs);
  else decided(state, question, server, nowMs);
}

function deadline(state: SwitchState, opening: Opening, nowMs: number): void {
  if (opening.phase === 'gathering') gatherDeadline(state, opening, nowMs);
  else if (opening.phase === 'handing') handingDeadline(state, opening, nowMs);
  else if (opening.phase === 'following') followDeadline(state, opening, nowMs);
  else if (opening.phase !== 'over') farewellDeadline(state, opening, nowMs);
}
