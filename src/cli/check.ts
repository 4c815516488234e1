// baton check: is the configuration file right?
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { jsonSchema } from '../config/schema.ts';

export interface CheckOptions {
  config?: string | undefined;
  schema?: boolean | undefined;
}

function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? '' : 's'}`;
}

function summary(config: Config): string {
  const parts = [`host ${config.name}`, `roles ${config.roles.join(', ')}`];
  if (config.switch) {
    parts.push(counted(config.services.length, 'service'), counted(config.pools.length, 'pool'));
    parts.push(counted(config.servers.length, 'server'));
  }
  if (config.insecure) parts.push('control channel in PLAINTEXT');
  return parts.join('; ');
}

/** What to print. Throws ConfigError. */
export function checkCommand(options: CheckOptions): string {
  if (options.schema) return `${JSON.stringify(jsonSchema(), null, 2)}\n`;
  if (options.config === undefined) throw new Error('no configuration file was named');
  return `${options.config}: fine: ${summary(loadConfig(options.config))}\n`;
}
