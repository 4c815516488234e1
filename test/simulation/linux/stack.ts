/** A TCP under test, driven by raw packets on one side and by an application on the other. */
export interface Stack {
  readonly name: string;
  /** address of the stack and of the raw peer */
  readonly own: Uint8Array;
  readonly peer: Uint8Array;
  inject(packet: Uint8Array): void;
  /** lets time pass; what the stack sent is collected */
  pass(ms: number): Promise<void>;
  /** packets that the stack sent since the last call */
  take(): Uint8Array[];
  listen(port: number, backlog: number, deferSeconds: number): void;
  /** a connection of the accept queue, -1 when it is empty */
  accept(): number;
  connect(port: number): number;
  send(connection: number, bytes: Uint8Array): void;
  /** bytes; undefined = nothing there; 'end' or 'reset' */
  read(connection: number): Uint8Array | 'end' | 'reset' | undefined;
  shutdown(connection: number): void;
  close(connection: number): void;
  /** closes with RST */
  abort(connection: number): void;
  /** all connections and listeners away */
  dispose(): void;
}
