import type { Package } from './package.ts';

/** States in which no files of a package are left (deb-control(5), dpkg(1)). */
const absentStates = ['not-installed', 'config-files'];

/** Reads `var/lib/dpkg/status`, or a file of `status.d`, which has no `Status` field. */
export function parseDpkgStatus(text: string): readonly Package[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const fields = parseFields(paragraph);
    const name = fields.get('package');
    const state = fields.get('status')?.split(' ').at(-1);
    if (name === undefined || (state !== undefined && absentStates.includes(state))) return [];
    return [{ name, version: fields.get('version') ?? '', architecture: fields.get('architecture') ?? '' }];
  });
}

/** Reads the first lines of the fields that matter: lines that begin with a space continue a field. */
function parseFields(paragraph: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of paragraph.split('\n')) {
    const [, name, value] = /^(Package|Version|Architecture|Status):\s*(.*)$/i.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name.toLowerCase(), value.trim());
  }
  return fields;
}
