// The fast path. One packet: parse, lookup, rewrite, verdict. Start reading here.
//
//   slot -> Packet.locate -> AtSwitch.packet  -> SLOT_VERDICT: Forward, Answer, ToControl, or Drop + reason
//                         -> AtAgent.packet
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
  WORKER_SLOT_BASE,
  WORKER_SLOT_STRIDE,
  WORKER_TO_CONTROL_TAIL,
} from './layout';
import { Atomic } from './lookup/atomic';
import { Pool } from './lookup/pool';
import { Reader } from './lookup/reader';
import { PACKET_IPV4, PACKET_IPV6, Packet } from './parse/packet';
import { NOT_STRAIGHT, Straight } from './straight';
import {
  COUNTER_BYTES_FORWARDED,
  COUNTER_BYTES_RECEIVED,
  COUNTER_FORWARDED,
  COUNTER_RECEIVED,
  DROP_NO_ENTRY,
  VERDICT_ANSWER,
  VERDICT_FORWARD,
} from './verdict';
import { Workers } from './workers';

export const REASON_SHIFT: u32 = 8;
const SECONDS_PER_MS: f64 = 0.001;

export class Forward {
  /** Runs a worker's slots 0..count-1, in order. Returns how many of them are to be transmitted. */
  static batch(index: u32, count: u32, nowMs: f64): u32 {
    const worker = Workers.address(index);
    const atSwitch = load<u32>(0, HEADER_ROLE) == ROLE_SWITCH;
    const paper = load<u32>(0, HEADER_TABLE_MODE) == TABLE_PAPER;
    const queued = load<u32>(worker, WORKER_TO_CONTROL_TAIL);
    const stride = load<u32>(worker, WORKER_SLOT_STRIDE);
    let slot = <usize>load<u32>(worker, WORKER_SLOT_BASE);
    const second = <u32>(nowMs * SECONDS_PER_MS);
    let forwarded: u32 = 0;
    let answered: u32 = 0;
    let bytesReceived: u64 = 0;
    let bytesForwarded: u64 = 0;
    for (let left = count; left != 0; --left) {
      bytesReceived += load<u32>(slot, SLOT_LENGTH);
      const verdict = Forward.packet(worker, slot, atSwitch, paper, nowMs, second);
      store<u32>(slot, verdict, SLOT_VERDICT);
      if (verdict == VERDICT_FORWARD) {
        ++forwarded;
        bytesForwarded += load<u32>(slot, SLOT_LENGTH);
      } else {
        Counters.verdict(worker, verdict);
        if (verdict == VERDICT_ANSWER) ++answered;
      }
      slot += stride;
    }
    Counters.add(worker, COUNTER_RECEIVED, count);
    Counters.add(worker, COUNTER_FORWARDED, forwarded);
    Counters.add(worker, COUNTER_BYTES_RECEIVED, bytesReceived);
    Counters.add(worker, COUNTER_BYTES_FORWARDED, bytesForwarded);
    if (load<u32>(worker, WORKER_TO_CONTROL_TAIL) != queued) Atomic.add(HEADER_DOORBELL, 1);
    return forwarded + answered;
  }

  /** Rewrites a packet that control held, by its entry, whatever the state. Returns a verdict. */
  static held(index: u32, slot: usize, entry: usize, nowMs: f64): u32 {
    const worker = Workers.address(index);
    const queued = load<u32>(worker, WORKER_TO_CONTROL_TAIL);
    const family = Packet.locate(slot);
    if (family < PACKET_IPV4) return family << REASON_SHIFT;
    const six = family == PACKET_IPV6;
    if (!Reader.entry(entry, Workers.copy(worker))) return DROP_NO_ENTRY << REASON_SHIFT;
    const verdict =
      load<u32>(0, HEADER_ROLE) == ROLE_SWITCH
        ? AtSwitch.held(worker, slot, six)
        : AtAgent.held(worker, slot, six, entry, nowMs);
    store<u32>(slot, verdict, SLOT_VERDICT);
    if (load<u32>(worker, WORKER_TO_CONTROL_TAIL) != queued) Atomic.add(HEADER_DOORBELL, 1);
    return verdict;
  }

  @inline
  private static packet(
    worker: usize,
    slot: usize,
    atSwitch: bool,
    paper: bool,
    nowMs: f64,
    second: u32,
  ): u32 {
    const family = Packet.locate(slot);
    if (family < PACKET_IPV4) {
      store<u32>(slot, NO_ENTRY, SLOT_ENTRY);
      return family << REASON_SHIFT;
    }
    const six = family == PACKET_IPV6;
    if (!atSwitch) return AtAgent.packet(worker, slot, six, paper, nowMs);
    if (!six && !paper) {
      const verdict = Straight.packet(slot, second);
      if (verdict != NOT_STRAIGHT) return verdict;
    }
    return AtSwitch.packet(worker, slot, six, paper, nowMs);
  }
}
