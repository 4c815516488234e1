// The records of the table as AssemblyScript sees them. layout.ts stays the only authority: a field
// that is not where layout.ts says is a compile error.
import {
  BUCKET_HEAD,
  BUCKET_LOCKS,
  BUCKET_SIZE,
  BUCKET_VERSION,
  ENTRY_CLIENT_ADDRESS4,
  ENTRY_CLIENT_ADDRESS6,
  ENTRY_CLIENT_PORT,
  ENTRY_FLAGS,
  ENTRY_HASH,
  ENTRY_LAST_SEEN,
  ENTRY_LEASE,
  ENTRY_LOCAL_ADDRESS4,
  ENTRY_LOCAL_ADDRESS6,
  ENTRY_NEXT,
  ENTRY_SEQUENCE_DELTA,
  ENTRY_SERVER_ADDRESS4,
  ENTRY_SERVER_ADDRESS6,
  ENTRY_SERVER_PORT,
  ENTRY_SERVER_SCALE,
  ENTRY_SIZE,
  ENTRY_STATE,
  ENTRY_SWITCH_SCALE,
  ENTRY_TIMESTAMP_OFFSET,
  ENTRY_TO_CLIENT_ADDRESS_DELTA,
  ENTRY_TO_SERVER_ADDRESS_DELTA,
  ENTRY_VIP_ADDRESS4,
  ENTRY_VIP_ADDRESS6,
  ENTRY_WORKER,
  RECORD_CLIENT_FIN,
  RECORD_CLIENT_ISN,
  RECORD_CLIENT_MSS,
  RECORD_CLIENT_WINDOW,
  RECORD_CREATED,
  RECORD_DEADLINE,
  RECORD_GROUP,
  RECORD_HELD_COUNT,
  RECORD_ICMP_ERRORS,
  RECORD_ID_COUNTER,
  RECORD_ID_RUN,
  RECORD_OPTIONS,
  RECORD_CHALLENGED,
  RECORD_NEXT_ISN,
  RECORD_REQUEST_NEXT,
  RECORD_REQUESTS,
  RECORD_RESETS,
  RECORD_RESPONSE_LEFT,
  RECORD_SERVER_TIMESTAMP,
  RECORD_SENT_COUNT,
  RECORD_SERVER_FIN,
  RECORD_SERVICE,
  RECORD_SIZE,
  RECORD_TERMINAL,
  RECORD_TIMESTAMP_SWITCH,
} from '../layout';

@unmanaged
export class Bucket {
  version: u32;
  head: u32;
  locks: u32;
  padding: u32;
}

/** Hot part of a connection: what every packet needs. */
@unmanaged
export class Entry {
  next: u32;
  state: u32;
  clientAddress4: u32;
  localAddress4: u32;
  clientPort: u16;
  localPort: u16;
  flags: u32;
  serverAddress4: u32;
  serverPort: u16;
  vipPort: u16;
  vipAddress4: u32;
  sequenceDelta: u32;
  timestampOffset: u32;
  serverScale: u8;
  switchScale: u8;
  worker: u8;
  lease: u8;
  toServerAddressDelta: u16;
  toServerPortDelta: u16;
  toClientAddressDelta: u16;
  toClientPortDelta: u16;
  lastSeen: u32;
  hash: u32;
  clientAddress6Low: u64;
  clientAddress6High: u64;
  localAddress6Low: u64;
  localAddress6High: u64;
  serverAddress6Low: u64;
  serverAddress6High: u64;
  vipAddress6Low: u64;
  vipAddress6High: u64;
}

/** Cold part of a connection: what the control plane needs. */
@unmanaged
export class ConnectionRecord {
  idRun: u32;
  idCounter: u32;
  clientIsn: u32;
  switchIsn: u32;
  serverIsn: u32;
  service: u16;
  server: u16;
  clientMss: u16;
  clientScale: u8;
  options: u8;
  clientNext: u32;
  clientAck: u32;
  clientFin: u32;
  serverFin: u32;
  timestampRecent: u32;
  timestampSwitch: u32;
  terminal: u32;
  deadline: f64;
  created: f64;
  heldCount: u32;
  sentCount: u32;
  clientWindow: u16;
  group: u32;
  target: u32;
  requestNext: u32;
  requests: u32;
  padding0: u32;
  resets: u32;
  nextIsn: u32;
  icmpErrors: u32;
  padding2: u32;
  challenged: f64;
  responseNext: u32;
  responseMode: u32;
  responseLeft: u64;
  responses: u32;
  serverNext: u32;
  serverTimestamp: u32;
  padding3: u32;
  padding4: u64;
  padding5: u64;
  padding6: u64;
  padding7: u64;
}

// Checked by the compiler; nothing of it remains in the module
if (offsetof<Bucket>('version') != BUCKET_VERSION) ERROR('layout: bucket version');
if (offsetof<Bucket>('head') != BUCKET_HEAD) ERROR('layout: bucket head');
if (offsetof<Bucket>('locks') != BUCKET_LOCKS) ERROR('layout: bucket locks');
if (offsetof<Bucket>() != BUCKET_SIZE) ERROR('layout: bucket size');

if (offsetof<Entry>('next') != ENTRY_NEXT) ERROR('layout: next');
if (offsetof<Entry>('state') != ENTRY_STATE) ERROR('layout: state');
if (offsetof<Entry>('clientAddress4') != ENTRY_CLIENT_ADDRESS4) ERROR('layout: clientAddress4');
if (offsetof<Entry>('localAddress4') != ENTRY_LOCAL_ADDRESS4) ERROR('layout: localAddress4');
if (offsetof<Entry>('clientPort') != ENTRY_CLIENT_PORT) ERROR('layout: clientPort');
if (offsetof<Entry>('flags') != ENTRY_FLAGS) ERROR('layout: flags');
if (offsetof<Entry>('serverAddress4') != ENTRY_SERVER_ADDRESS4) ERROR('layout: serverAddress4');
if (offsetof<Entry>('serverPort') != ENTRY_SERVER_PORT) ERROR('layout: serverPort');
if (offsetof<Entry>('vipAddress4') != ENTRY_VIP_ADDRESS4) ERROR('layout: vipAddress4');
if (offsetof<Entry>('sequenceDelta') != ENTRY_SEQUENCE_DELTA) ERROR('layout: sequenceDelta');
if (offsetof<Entry>('timestampOffset') != ENTRY_TIMESTAMP_OFFSET) ERROR('layout: timestampOffset');
if (offsetof<Entry>('serverScale') != ENTRY_SERVER_SCALE) ERROR('layout: serverScale');
if (offsetof<Entry>('switchScale') != ENTRY_SWITCH_SCALE) ERROR('layout: switchScale');
if (offsetof<Entry>('worker') != ENTRY_WORKER) ERROR('layout: worker');
if (offsetof<Entry>('lease') != ENTRY_LEASE) ERROR('layout: lease');
if (offsetof<Entry>('toServerAddressDelta') != ENTRY_TO_SERVER_ADDRESS_DELTA)
  ERROR('layout: delta');
if (offsetof<Entry>('toClientAddressDelta') != ENTRY_TO_CLIENT_ADDRESS_DELTA)
  ERROR('layout: delta');
if (offsetof<Entry>('lastSeen') != ENTRY_LAST_SEEN) ERROR('layout: lastSeen');
if (offsetof<Entry>('hash') != ENTRY_HASH) ERROR('layout: hash');
if (offsetof<Entry>('clientAddress6Low') != ENTRY_CLIENT_ADDRESS6) ERROR('layout: clientAddress6');
if (offsetof<Entry>('localAddress6Low') != ENTRY_LOCAL_ADDRESS6) ERROR('layout: localAddress6');
if (offsetof<Entry>('serverAddress6Low') != ENTRY_SERVER_ADDRESS6) ERROR('layout: serverAddress6');
if (offsetof<Entry>('vipAddress6Low') != ENTRY_VIP_ADDRESS6) ERROR('layout: vipAddress6');
if (offsetof<Entry>() != ENTRY_SIZE) ERROR('layout: entry size');

if (offsetof<ConnectionRecord>('idRun') != RECORD_ID_RUN) ERROR('layout: idRun');
if (offsetof<ConnectionRecord>('idCounter') != RECORD_ID_COUNTER) ERROR('layout: idCounter');
if (offsetof<ConnectionRecord>('clientIsn') != RECORD_CLIENT_ISN) ERROR('layout: clientIsn');
if (offsetof<ConnectionRecord>('service') != RECORD_SERVICE) ERROR('layout: service');
if (offsetof<ConnectionRecord>('clientMss') != RECORD_CLIENT_MSS) ERROR('layout: clientMss');
if (offsetof<ConnectionRecord>('options') != RECORD_OPTIONS) ERROR('layout: options');
if (offsetof<ConnectionRecord>('clientFin') != RECORD_CLIENT_FIN) ERROR('layout: clientFin');
if (offsetof<ConnectionRecord>('serverFin') != RECORD_SERVER_FIN) ERROR('layout: serverFin');
if (offsetof<ConnectionRecord>('timestampSwitch') != RECORD_TIMESTAMP_SWITCH)
  ERROR('layout: timestampSwitch');
if (offsetof<ConnectionRecord>('terminal') != RECORD_TERMINAL) ERROR('layout: terminal');
if (offsetof<ConnectionRecord>('deadline') != RECORD_DEADLINE) ERROR('layout: deadline');
if (offsetof<ConnectionRecord>('created') != RECORD_CREATED) ERROR('layout: created');
if (offsetof<ConnectionRecord>('heldCount') != RECORD_HELD_COUNT) ERROR('layout: heldCount');
if (offsetof<ConnectionRecord>('sentCount') != RECORD_SENT_COUNT) ERROR('layout: sentCount');
if (offsetof<ConnectionRecord>('clientWindow') != RECORD_CLIENT_WINDOW) ERROR('layout: window');
if (offsetof<ConnectionRecord>('group') != RECORD_GROUP) ERROR('layout: group');
if (offsetof<ConnectionRecord>('requestNext') != RECORD_REQUEST_NEXT) ERROR('layout: requestNext');
if (offsetof<ConnectionRecord>('requests') != RECORD_REQUESTS) ERROR('layout: requests');
if (offsetof<ConnectionRecord>('resets') != RECORD_RESETS) ERROR('layout: resets');
if (offsetof<ConnectionRecord>('responseLeft') != RECORD_RESPONSE_LEFT)
  ERROR('layout: responseLeft');
if (offsetof<ConnectionRecord>('serverTimestamp') != RECORD_SERVER_TIMESTAMP)
  ERROR('layout: serverTimestamp');
if (offsetof<ConnectionRecord>('nextIsn') != RECORD_NEXT_ISN) ERROR('layout: nextIsn');
if (offsetof<ConnectionRecord>('icmpErrors') != RECORD_ICMP_ERRORS) ERROR('layout: icmpErrors');
if (offsetof<ConnectionRecord>('challenged') != RECORD_CHALLENGED) ERROR('layout: challenged');
if (offsetof<ConnectionRecord>() != RECORD_SIZE) ERROR('layout: record size');
