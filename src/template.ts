import * as L from '../assembly/layout.ts';
import type { Address, HandoffId } from './channel/messages.ts';
import type { LocalTuple } from './tuple.ts';

/** Fills CONTROL_TEMPLATE; every method returns the template itself. */
export class Template {
  private readonly view: DataView;
  private readonly bytes: Uint8Array;

  constructor(view: DataView, bytes: Uint8Array) {
    this.view = view;
    this.bytes = bytes;
  }

  state(state: number): this {
    return this.entry32(L.ENTRY_STATE, state);
  }

  /** FLAG_*; whether it is IPv6 stays as key() set it. */
  flags(flags: number): this {
    const family = this.view.getUint32(flagsAt, true) & L.FLAG_IPV6;
    return this.entry32(L.ENTRY_FLAGS, flags | family);
  }

  /** Client and local address and port; sets FLAG_IPV6 by the addresses' length. */
  key(key: LocalTuple): this {
    if (key.client.length === 16)
      this.entry32(L.ENTRY_FLAGS, this.view.getUint32(flagsAt, true) | L.FLAG_IPV6);
    this.address(L.ENTRY_CLIENT_ADDRESS4, L.ENTRY_CLIENT_ADDRESS6, key.client);
    this.address(L.ENTRY_LOCAL_ADDRESS4, L.ENTRY_LOCAL_ADDRESS6, key.local);
    return this.entryPort(L.ENTRY_CLIENT_PORT, key.clientPort).entryPort(
      L.ENTRY_LOCAL_PORT,
      key.localPort,
    );
  }

  /** New destination of the client's packets. */
  server(address: Address, port: number): this {
    this.address(L.ENTRY_SERVER_ADDRESS4, L.ENTRY_SERVER_ADDRESS6, address);
    return this.entryPort(L.ENTRY_SERVER_PORT, port);
  }

  /** New source of the server's packets (agent). */
  vip(address: Address, port: number): this {
    this.address(L.ENTRY_VIP_ADDRESS4, L.ENTRY_VIP_ADDRESS6, address);
    return this.entryPort(L.ENTRY_VIP_PORT, port);
  }

  id(id: HandoffId): this {
    return this.record32(L.RECORD_ID_RUN, id.run).record32(L.RECORD_ID_COUNTER, id.counter);
  }

  deadline(ms: number): this {
    this.view.setFloat64(recordAt(L.RECORD_DEADLINE), ms, true);
    return this;
  }

  created(ms: number): this {
    this.view.setFloat64(recordAt(L.RECORD_CREATED), ms, true);
    return this;
  }

  entry8(field: number, value: number): this {
    this.view.setUint8(L.CONTROL_TEMPLATE + field, value);
    return this;
  }

  entry32(field: number, value: number): this {
    this.view.setUint32(L.CONTROL_TEMPLATE + field, value, true);
    return this;
  }

  entryPort(field: number, port: number): this {
    this.view.setUint16(L.CONTROL_TEMPLATE + field, port);
    return this;
  }

  record8(field: number, value: number): this {
    this.view.setUint8(recordAt(field), value);
    return this;
  }

  record16(field: number, value: number): this {
    this.view.setUint16(recordAt(field), value, true);
    return this;
  }

  record32(field: number, value: number): this {
    this.view.setUint32(recordAt(field), value, true);
    return this;
  }

  private address(field4: number, field6: number, address: Address): void {
    this.bytes.set(address, L.CONTROL_TEMPLATE + (address.length === 16 ? field6 : field4));
  }
}

const flagsAt = L.CONTROL_TEMPLATE + L.ENTRY_FLAGS;

function recordAt(field: number): number {
  return L.CONTROL_TEMPLATE + L.TEMPLATE_RECORD + field;
}
