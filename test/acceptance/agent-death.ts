// An agent is killed and restarted under 20 downloads: none is broken.
import { checkAgentDeath } from '../support/agent-death.ts';
import { Report } from '../support/report.ts';

const report = new Report();
await report.part('agent death', () => checkAgentDeath(report));
report.finish();
