import type { MatchConfig, RuleConfig } from '../../config/config.ts';
import type { ClientHello } from './client-hello.ts';
import { Pattern } from './pattern.ts';

type Condition = (hello: ClientHello) => boolean;

interface Rule {
  conditions: Condition[];
  pool: string;
}

/** The rules of a service of protocol tls: the first whose conditions all hold names the pool. */
export class HelloRules {
  private readonly rules: Rule[];
  private readonly otherwise: string;

  constructor(rules: readonly RuleConfig[], otherwise: string) {
    this.otherwise = otherwise;
    this.rules = rules.map((rule) => ({ conditions: compile(rule.match), pool: rule.pool }));
  }

  poolFor(hello: ClientHello): string {
    for (const rule of this.rules) {
      if (rule.conditions.every((holds) => holds(hello))) return rule.pool;
    }
    return this.otherwise;
  }
}

function compile(match: MatchConfig): Condition[] {
  const conditions: Condition[] = [];
  if (match.sni !== undefined) conditions.push(nameMatches(match.sni));
  if (match.alpn !== undefined) conditions.push(protocolMatches(match.alpn));
  return conditions;
}

/** A client that names no server matches no pattern, not even "*". */
function nameMatches(text: string): Condition {
  const pattern = new Pattern(text.replace(/\.$/, ''), true);
  return ({ bytes, name }) => name !== null && pattern.matches(bytes, name.from, name.to);
}

/** RFC 7301: names of protocols are compared byte by byte. */
function protocolMatches(text: string): Condition {
  const pattern = new Pattern(text);
  return ({ bytes, protocols }) =>
    protocols.some(({ from, to }) => pattern.matches(bytes, from, to));
}
