// What a lab's plan says of hosts and links.
import type { Front } from '../config/choices.ts';

/** One end of a link, with its addresses in prefix notation. */
export interface LinkEnd {
  host: string;
  device: string;
  addresses: string[];
}

/** A veth pair. */
export interface Link {
  ends: [LinkEnd, LinkEnd];
}

export interface HostPlan {
  name: string;
  kind: 'client' | 'router' | 'switch' | 'server' | 'dispatcher';
  /** what follows `ip route add` and `ip -6 route add` */
  routes: string[];
  /** what follows `ip rule add` and `ip -6 rule add`, besides the kernel's own three */
  rules: string[];
  /** kernel settings, below /proc/sys */
  settings: [name: string, value: string][];
}

/** A switch and its VIPs. */
export interface SwitchPlan {
  name: string;
  address: string;
  address6: string;
  /** the VIP of its web service */
  vip: string;
  vip6: string;
  /** routed to it: more VIPs may be taken from there */
  vips: string[];
  /** routed to it: by these addresses servers without an agent know clients */
  source: string[];
}

/** A host whose dispatcher chooses for all distributors. */
export interface DispatcherPlan {
  name: string;
  address: string;
  address6: string;
}

/** Links of a host that are one network, with the host's addresses there. */
export interface Bridge {
  host: string;
  device: string;
  ports: string[];
  addresses: string[];
}

/** What the configuration of a server's agent and of the switch need to know. */
export interface ServerPlan {
  name: string;
  address: string;
  address6: string;
  handoff: string[];
  service: string[];
  /** it has no agent */
  isSpliced: boolean;
}

export interface Topology {
  hosts: HostPlan[];
  links: Link[];
  bridges: Bridge[];
  front: Front;
  dispatchers: DispatcherPlan[];
  /** the first is `switch`, the others are `switch2` and so on */
  switches: SwitchPlan[];
  servers: ServerPlan[];
  /** prefixes that the router keeps from the client, both ways */
  hidden: string[];
}
