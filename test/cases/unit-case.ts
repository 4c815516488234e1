// Cases of kind `unit`: checksums updated by one word (RFC 1624) in the core's own code.
import { foldSum } from '../../src/packet/checksum.ts';
import { loadParts } from '../support/core-parts.ts';
import type { UnitCase } from './catalogue.ts';

const FIELD = 64;

function swapped(hex: string): number {
  const value = parseInt(hex, 16);
  return ((value & 255) << 8) | (value >> 8);
}

export function runUnitCase(one: UnitCase): string[] {
  if (one.vectors.length === 0) return ['no vectors'];
  const parts = loadParts();
  return one.vectors.flatMap(({ words, checksum, index, new: fresh, expect, full }, place) => {
    parts.view.setUint16(FIELD, parseInt(checksum, 16));
    parts.updateChecksum(FIELD, swapped(words[index]!), swapped(fresh));
    const found = parts.view.getUint16(FIELD);
    const changed = words.map((word, at) => parseInt(at === index ? fresh : word, 16));
    const plain = ~foldSum(changed.reduce((sum, word) => sum + word, 0)) & 0xffff;
    const text = found.toString(16).padStart(4, '0');
    const problems: string[] = [];
    if (text !== expect) problems.push(`vector ${place}: ${text}, not ${expect}`);
    if (plain !== parseInt(full, 16)) problems.push(`vector ${place}: its own full sum is wrong`);
    return problems;
  });
}
