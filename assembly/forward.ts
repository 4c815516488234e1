// The fast path. One packet: parse, lookup, rewrite, verdict. Start reading here.
//
//   slot -> Straight.packet (the common case at the switch)
//        -> Packet.locate -> AtSwitch.packet, AtAgent.packet; Icmp.packet for what is no TCP
//        -> SLOT_VERDICT: Forward, Answer, ToControl, or Drop and its reason
import { AtAgent } from './at-agent';
import { AtSwitch } from './at-switch';
import { Counters } from './counters';
import {
  HEADER_DOORBELL,
  HEADER_ROLE,
  HEADER_TABLE_MODE,
  NO_ENTRY,
  ROLE_SWITCH,
  SLOT_ENTRY,
  SLOT_LENGTH,
  SLOT_VERDICT,
  TABLE_PAPER,
  WORKER_ANSWERED,
  WORKER_KEPT,
  WORKER_KEPT_BYTES,
  WORKER_SECOND,
  WORKER_SLOT_BASE,
  WORKER_SLOT_STRIDE,
  WORKER_TO_CONTROL_TAIL,
} from './layout';
import { Atomic } from './lookup/atomic';
import { LastSeen } from './lookup/last-seen';
import { Pool } from './lookup/pool';
import { Reader } from './lookup/reader';
import { Icmp } from './icmp/icmp';
import { PACKET_IPV4, PACKET_IPV6, Packet } from './parse/packet';
import { Straight } from './straight';
import {
  COUNTER_BYTES_FORWARDED,
  COUNTER_BYTES_RECEIVED,
  COUNTER_FORWARDED,
  COUNTER_RECEIVED,
  DROP_NO_ENTRY,
  DROP_NOT_TCP,
  VERDICT_ANSWER,
  VERDICT_FORWARD,
} from './verdict';
import { Workers } from './workers';

export const REASON_SHIFT: u32 = 8;
/** Packets whose entries are fetched before the first of them is forwarded. */
const STAGE: u32 = 16;
/** The same when the connections are so many that their entries exceed a core's own caches. */
const LONG_STAGE: u32 = 32;
const MANY: u32 = 16384;

export class Forward {
  /** Runs a worker's slots 0..count-1, in order. Returns how many of them are to be transmitted. */
  static batch(index: u32, count: u32, nowMs: f64): u32 {
    const worker = Workers.address(index);
    const atSwitch = load<u32>(0, HEADER_ROLE) == ROLE_SWITCH;
    const paper = load<u32>(0, HEADER_TABLE_MODE) == TABLE_PAPER;
    const queued = load<u32>(worker, WORKER_TO_CONTROL_TAIL);
    // through memory: V8 would compute it anew for each packet
    store<u32>(worker, LastSeen.second(nowMs), WORKER_SECOND);
    const sent =
      atSwitch && !paper
        ? Forward.each(true, worker, count, true, false, nowMs)
        : Forward.each(false, worker, count, atSwitch, paper, nowMs);
    Counters.add(worker, COUNTER_RECEIVED, count);
    if (load<u32>(worker, WORKER_TO_CONTROL_TAIL) != queued) Atomic.add(HEADER_DOORBELL, 1);
    return sent;
  }

  /**
   * The loop. The common packet is not counted: it is what the others leave, and those are counted in
   * memory, so that the loop needs few registers.
   */
  @inline
  private static each(
    straight: bool,
    worker: usize,
    count: u32,
    atSwitch: bool,
    paper: bool,
    nowMs: f64,
  ): u32 {
    store<u32>(worker, 0, WORKER_KEPT);
    store<u32>(worker, 0, WORKER_KEPT_BYTES);
    store<u32>(worker, 0, WORKER_ANSWERED);
    const stride = load<u32>(worker, WORKER_SLOT_STRIDE);
    let slot = load<u32>(worker, WORKER_SLOT_BASE);
    const end = slot + count * stride;
    const far = Pool.used() >= MANY;
    const stage = select<u32>(LONG_STAGE, STAGE, far) * stride;
    let bytes: u32 = 0; // never more than the memory has
    while (slot != end) {
      const stop = slot + min(end - slot, stage);
      if (straight) bytes += Straight.stage(worker, slot, stop, stride, far);
      while (slot != stop) {
        if (straight) {
          const from = slot;
          slot = Straight.forward4(worker, slot, stop, stride);
          if (slot == stop) break;
          slot = Straight.forward6(worker, slot, stop, stride);
          if (slot != from) continue;
        } else {
          bytes += load<u32>(slot, SLOT_LENGTH);
        }
        Forward.packet(worker, slot, atSwitch, paper, nowMs);
        slot += stride;
      }
    }
    const forwarded = count - load<u32>(worker, WORKER_KEPT);
    Counters.add(worker, COUNTER_FORWARDED, forwarded);
    Counters.add(worker, COUNTER_BYTES_RECEIVED, bytes);
    Counters.add(worker, COUNTER_BYTES_FORWARDED, bytes - load<u32>(worker, WORKER_KEPT_BYTES));
    return forwarded + load<u32>(worker, WORKER_ANSWERED);
  }

  /** A packet by the general path: verdict, counters. */
  private static packet(worker: usize, slot: usize, atSwitch: bool, paper: bool, nowMs: f64): void {
    const length = load<u32>(slot, SLOT_LENGTH);
    const verdict = Forward.decide(worker, slot, atSwitch, paper, nowMs);
    store<u32>(slot, verdict, SLOT_VERDICT);
    if (verdict == VERDICT_FORWARD) {
      Forward.keep(worker, WORKER_KEPT_BYTES, length - load<u32>(slot, SLOT_LENGTH));
      return;
    }
    Counters.verdict(worker, verdict);
    Forward.keep(worker, WORKER_KEPT, 1);
    Forward.keep(worker, WORKER_KEPT_BYTES, length);
    if (verdict == VERDICT_ANSWER) Forward.keep(worker, WORKER_ANSWERED, 1);
  }

  @inline
  private static keep(worker: usize, field: usize, amount: u32): void {
    store<u32>(worker + field, load<u32>(worker + field) + amount);
  }

  /** Rewrites a packet that control held, by its entry, whatever the state. Returns a verdict. */
  static held(index: u32, slot: usize, entry: usize, nowMs: f64): u32 {
    const worker = Workers.address(index);
    const queued = load<u32>(worker, WORKER_TO_CONTROL_TAIL);
    const family = Packet.locate(slot);
    if (family < PACKET_IPV4 && family != DROP_NOT_TCP) return family << REASON_SHIFT;
    if (!Reader.entry(entry, Workers.copy(worker))) return DROP_NO_ENTRY << REASON_SHIFT;
    store<u32>(slot, Pool.index(entry), SLOT_ENTRY);
    const verdict = Forward.decideHeld(worker, slot, family, entry, nowMs);
    store<u32>(slot, verdict, SLOT_VERDICT);
    if (load<u32>(worker, WORKER_TO_CONTROL_TAIL) != queued) Atomic.add(HEADER_DOORBELL, 1);
    return verdict;
  }

  /** Of a packet whose entry was copied. */
  private static decideHeld(
    worker: usize,
    slot: usize,
    family: u32,
    entry: usize,
    nowMs: f64,
  ): u32 {
    if (family == DROP_NOT_TCP) return Icmp.held(worker, slot);
    const six = family == PACKET_IPV6;
    return load<u32>(0, HEADER_ROLE) == ROLE_SWITCH
      ? AtSwitch.held(worker, slot, six)
      : AtAgent.held(worker, slot, six, entry, nowMs);
  }

  private static decide(worker: usize, slot: usize, atSwitch: bool, paper: bool, nowMs: f64): u32 {
    const family = Packet.locate(slot);
    if (family < PACKET_IPV4) {
      if (family == DROP_NOT_TCP) return Icmp.packet(worker, slot);
      store<u32>(slot, NO_ENTRY, SLOT_ENTRY);
      return family << REASON_SHIFT;
    }
    const six = family == PACKET_IPV6;
    return atSwitch
      ? AtSwitch.packet(worker, slot, six, paper, nowMs)
      : AtAgent.packet(worker, slot, six, paper, nowMs);
  }
}
