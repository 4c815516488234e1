// What update() takes from a template, group by group. Under the lock of the entry's bucket.
import {
  UPDATE_DEADLINE,
  UPDATE_FLAGS_CLEAR,
  UPDATE_FLAGS_SET,
  UPDATE_ID,
  UPDATE_RECORD,
  UPDATE_REQUESTS,
  UPDATE_RESPONSES,
  UPDATE_SERVER,
} from '../calls';
import {
  ENTRY_FLAGS,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  ENTRY_VIP_ADDRESS4,
  FLAG_IPV6,
  HEADER_ROLE,
  RECORD_CLIENT_FIN,
  RECORD_CLIENT_ISN,
  RECORD_CLIENT_WINDOW,
  RECORD_DEADLINE,
  RECORD_ID_RUN,
  RECORD_REQUEST_NEXT,
  RECORD_REQUESTS,
  RECORD_RESPONSE_NEXT,
  RECORD_SIZE,
  RECORD_TERMINAL,
  RECORD_TIMESTAMP_RECENT,
  TEMPLATE_RECORD,
} from '../layout';
import { Checksum } from '../rewrite/checksum';
import { Pool } from './pool';
import { State } from './state';

const V6_SERVER_AND_VIP: usize = 32;

export class Changes {
  /** All groups of `what` but the state. */
  @inline
  static apply(entry: usize, template: usize, what: u32): void {
    if ((what & UPDATE_SERVER) != 0) Changes.copyServer(entry, template);
    Changes.copyRecord(Pool.record(entry), template + TEMPLATE_RECORD, what);
    Changes.copyFlags(entry, load<u32>(template, ENTRY_FLAGS) & ~FLAG_IPV6, what);
  }

  @inline
  private static copyServer(entry: usize, template: usize): void {
    memory.copy(
      entry + ENTRY_SERVER_ADDRESS4,
      template + ENTRY_SERVER_ADDRESS4,
      ENTRY_TO_SERVER_ADDRESS_DELTA - ENTRY_SERVER_ADDRESS4,
    );
    if ((load<u32>(entry, ENTRY_FLAGS) & FLAG_IPV6) != 0) {
      const server = ENTRY_SERVER_ADDRESS6;
      memory.copy(entry + server, template + server, V6_SERVER_AND_VIP);
      store<u32>(entry, 0, ENTRY_SERVER_ADDRESS4);
      store<u32>(entry, 0, ENTRY_VIP_ADDRESS4);
    }
    Checksum.prepare(entry, load<u32>(0, HEADER_ROLE));
  }

  /** Without the FINs' sequence numbers, which the workers write. */
  @inline
  private static copyRecord(record: usize, from: usize, what: u32): void {
    if ((what & UPDATE_RECORD) != 0) {
      Changes.copyFields(record, from, RECORD_CLIENT_ISN, RECORD_CLIENT_FIN);
      Changes.copyFields(record, from, RECORD_TIMESTAMP_RECENT, RECORD_TERMINAL);
      Changes.copyFields(record, from, RECORD_CLIENT_WINDOW, RECORD_REQUEST_NEXT);
    }
    if ((what & UPDATE_REQUESTS) != 0) {
      Changes.copyFields(record, from, RECORD_REQUEST_NEXT, RECORD_REQUESTS + sizeof<u32>());
    }
    if ((what & UPDATE_RESPONSES) != 0) {
      Changes.copyFields(record, from, RECORD_RESPONSE_NEXT, RECORD_SIZE);
    }
    if ((what & UPDATE_ID) != 0) Changes.copyFields(record, from, RECORD_ID_RUN, RECORD_CLIENT_ISN);
    if ((what & UPDATE_DEADLINE) != 0) {
      store<f64>(record, load<f64>(from, RECORD_DEADLINE), RECORD_DEADLINE);
    }
  }

  @inline
  private static copyFlags(entry: usize, flags: u32, what: u32): void {
    let merged = load<u32>(entry, ENTRY_FLAGS);
    if ((what & UPDATE_FLAGS_SET) != 0) merged |= flags;
    if ((what & UPDATE_FLAGS_CLEAR) != 0) merged &= ~flags;
    State.setFlags(entry, merged);
  }

  /** The bytes from one field up to, not including, another. */
  @inline
  private static copyFields(to: usize, from: usize, first: usize, end: usize): void {
    memory.copy(to + first, from + first, end - first);
  }
}
