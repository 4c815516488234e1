// Text tables for people.

/** Rows under each other; the first is the heading. `right` names the columns of numbers. */
export function formatTable(
  rows: readonly (readonly string[])[],
  right: readonly number[],
): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const lines = rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return right.includes(column) ? cell.padStart(width) : cell.padEnd(width);
    });
    return cells.join('  ').trimEnd();
  });
  return `${lines.join('\n')}\n`;
}

/**
 * `pollsWithPackets` as `polls with packets`; names with dots, dashes or slashes stay as they are.
 */
export function inWords(name: string): string {
  if (/[^A-Za-z0-9]/.test(name)) return name;
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).trim();
}

/** A measured time in thousandths of its unit, everything else as it is. */
function inFigures(value: unknown): string {
  return typeof value === 'number' ? String(Number(value.toFixed(3))) : String(value);
}

/**
 * Nested figures as lines of `name: value`, two spaces deeper at each level; empty parts are left
 * out.
 */
export function formatFigures(figures: unknown, indent = ''): string {
  if (typeof figures !== 'object' || figures === null) return '';
  let text = '';
  for (const [key, value] of Object.entries(figures)) {
    const name = Array.isArray(figures) ? '-' : `${inWords(key)}:`;
    if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) {
      text += `${indent}${name} ${value.join(' ')}\n`;
    } else if (typeof value === 'object' && value !== null) {
      const inside = formatFigures(value, `${indent}  `);
      if (inside !== '') text += `${indent}${name}\n${inside}`;
    } else {
      text += `${indent}${name} ${inFigures(value)}\n`;
    }
  }
  return text;
}
