// Parts of configurations as plain values, and how they are laid over each other.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export type Section = Record<string, unknown>;

export function only(section: Section, parts: string[]): Section {
  return Object.fromEntries(Object.entries(section).filter(([part]) => parts.includes(part)));
}

export function readOverlay(file: string): Section {
  const laid: unknown = parse(readFileSync(file, 'utf8'));
  if (isSection(laid)) return laid;
  throw new Error(`${file}: expected a mapping of pools, services, timing and the like`);
}

export function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function without(section: Section, parts: string[]): Section {
  return Object.fromEntries(Object.entries(section).filter(([part]) => !parts.includes(part)));
}

/** `above` over `below`: mappings are merged, everything else is replaced whole. */
export function overlay(below: Section, above: Section): Section {
  const merged = { ...below };
  for (const [part, value] of Object.entries(above)) {
    const under = merged[part];
    merged[part] = isSection(value) && isSection(under) ? overlay(under, value) : value;
  }
  return merged;
}
