// What systemd wants to know of a service of Type=notify (sd_notify(3)): datagrams of lines NAME=VALUE to
// the socket that NOTIFY_SOCKET names. Node has no datagrams in that family.
import { monotonicMs } from '../clock.ts';
import { close, errno, errnoName, O_CLOEXEC, sendTo, socket } from '../packet-io/libc.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40; // a manager that does not read must not stop us
const FLAGS = MSG_NOSIGNAL | MSG_DONTWAIT;
const PATH_LIMIT = 108; // of sun_path
const FAMILY_SIZE = 2;

/** Environment variables that a service manager sets. */
export type ManagerEnvironment = Partial<
  Record<'NOTIFY_SOCKET' | 'WATCHDOG_USEC' | 'WATCHDOG_PID', string | undefined>
>;

/** The sockaddr_un of a path, or of an abstract name `@...`; throws for what cannot be one. */
export function socketAddress(name: string): Uint8Array {
  const path = new TextEncoder().encode(name);
  if (!/^[/@]./.test(name) || path.length >= PATH_LIMIT) {
    throw new Error(`NOTIFY_SOCKET is ${JSON.stringify(name)}, not a path or @NAME`);
  }
  const address = new Uint8Array(FAMILY_SIZE + path.length + (name.startsWith('/') ? 1 : 0));
  address[0] = AF_UNIX;
  address.set(path, FAMILY_SIZE);
  if (name.startsWith('@')) address[FAMILY_SIZE] = 0;
  return address;
}

/** How often to tell a watchdog, in ms: twice in its time. undefined: this process is not watched. */
export function watchdogIntervalMs(
  environment: ManagerEnvironment,
  pid: number,
): number | undefined {
  const microseconds = Number(environment.WATCHDOG_USEC);
  const isMeant = [undefined, '', String(pid)].includes(environment.WATCHDOG_PID);
  return isMeant && microseconds > 0 ? microseconds / 2000 : undefined;
}

/** Tells the service manager; does nothing where there is none. */
export class ServiceNotices {
  readonly #address: Uint8Array | undefined;
  readonly #notice: (text: string) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(environment: ManagerEnvironment, notice: (text: string) => void) {
    this.#notice = notice;
    const { NOTIFY_SOCKET: name } = environment;
    if (!name) return;
    this.#address = socketAddress(name);
    const interval = watchdogIntervalMs(environment, process.pid);
    if (interval === undefined) return;
    // by this thread's own timer: who hangs is not heard. Threads that forward are watched by their pool
    this.#timer = setInterval(() => this.#tell('WATCHDOG=1'), interval).unref();
  }

  /** It forwards; also after a reload. */
  ready(status: string): void {
    this.#tell(`READY=1\nSTATUS=${status}`);
  }

  reloading(): void {
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${Math.round(monotonicMs() * 1000)}`);
  }

  /** It ends, in no longer than `limitMs`; the watchdog hears of it no more. */
  stopping(limitMs: number): void {
    clearInterval(this.#timer);
    this.#tell(`STOPPING=1\nEXTEND_TIMEOUT_USEC=${limitMs * 1000}`);
  }

  #tell(lines: string): void {
    const address = this.#address;
    if (!address) return;
    const bytes = new TextEncoder().encode(lines);
    const fd = socket(AF_UNIX, SOCK_DGRAM | O_CLOEXEC, 0);
    const sent = sendTo(fd, bytes, bytes.length, FLAGS, address, address.length);
    if (sent < 0) this.#notice(`the service manager does not hear us: ${errnoName(errno())}`);
    close(fd);
  }
}
