// keepalived on the switches' hosts: who has the router's next hop for the VIPs, and who takes it over.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NEXT_HOP, type SwitchPlan } from './topology.ts';

const PROGRAM = '/usr/sbin/keepalived';
const ROUTER_ID = 80;
const FIRST_PRIORITY = 100;
/** Three of these without a word, and the next one takes over (RFC 5798, section 6.1). */
const ADVERTISEMENT_S = 0.1;

/** Throws with the mend when the program is not there. */
export function requireKeepalived(): void {
  if (existsSync(PROGRAM)) return;
  throw new Error('a spare switch needs keepalived: apt-get install -y keepalived');
}

/**
 * The command that keeps the next hop for a switch, and what it says when it has it. The switch's own
 * device is watched: it goes with the process, so that nobody waits for three advertisements. Who comes
 * back takes nothing from the one that has taken over.
 */
export function nextHopCommand(directory: string, plan: SwitchPlan, index: number): string[] {
  const file = (suffix: string) => join(directory, `${plan.name}.keepalived.${suffix}`);
  writeFileSync(file('conf'), configuration(index), { mode: 0o600 });
  const pids = ['--pid', file('pid'), '--vrrp_pid', file('vrrp.pid')];
  const how = ['--dont-fork', '--log-console', '--log-detail', '--vrrp'];
  return [PROGRAM, ...how, '--use-file', file('conf'), ...pids];
}

export const NEXT_HOP_TAKEN = 'Entering MASTER STATE';

// Braces need lines of their own; below a second VRRP version 3 is needed.
function configuration(index: number): string {
  return `
global_defs {
    dynamic_interfaces allow_if_changes
    vrrp_version 3
}
vrrp_instance next_hop {
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id ${ROUTER_ID}
    priority ${FIRST_PRIORITY - index}
    advert_int ${ADVERTISEMENT_S}
    garp_master_delay 1
    track_interface {
        baton0
    }
    virtual_ipaddress {
        ${NEXT_HOP[0]}/24 dev eth0
    }
    virtual_ipaddress_excluded {
        ${NEXT_HOP[1]}/64 dev eth0
    }
}
`;
}
