import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { duration } from '../../config/keys.ts';
import type { Config } from '../../config/schema.ts';
import { metadataFile, openMetadata } from '../app.ts';
import type { Administration } from '../access/accounts/administration.ts';
import { AdministrationError } from '../access/accounts/administration-error.ts';
import { createAdministration } from '../access/accounts/create-administration.ts';
import { isoTime } from '../access/accounts/time.ts';
import { readReservedNamespaces } from '../assembly/reserved-namespaces.ts';
import { printable } from '../observability/printable.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { type Command, type Invocation, UsageError } from './command.ts';

/** What the commands about access work with. */
export interface Administrating extends Invocation {
  readonly metadata: MetadataStore;
  readonly administration: Administration;
}

/** As the audit log has it: whoever may run berth with its configuration may do everything. */
const actor = { name: 'command line', address: '' };

/**
 * A command that works on the metadata store, also beside a running server, which notices within a second.
 * `operands` are named as the usage shows them: `NAME`, `[PATTERN]` may be left out, `[GRANT...]` may be many.
 */
export function administrating(
  words: string,
  operands: string,
  summary: string,
  run: (work: Administrating) => Promise<void>,
  options: Command['options'] = {},
): Command {
  const flags = Object.entries(options).map(([name, { type }]) => `[--${name}${type === 'string' ? ' VALUE' : ''}]`);
  const usage = ['berth', words, operands, ...flags].filter((part) => part !== '').join(' ');
  return {
    name: words,
    summary,
    usage,
    options,
    async run(invocation) {
      checkOperands(usage, operands, invocation.operands);
      const config = invocation.config();
      const reserved = readReservedNamespaces(config);
      invocation.warn(`works on ${existingMetadata(config)}`);
      if (config.access.mode === 'open')
        invocation.warn('access.mode is open in this configuration: accounts do not count there');
      const metadata = await openMetadata(config);
      try {
        await run({ ...invocation, metadata, administration: createAdministration(metadata, actor, Date.now, reserved) });
      } catch (error) {
        throw error instanceof AdministrationError ? new UsageError(error.message) : error;
      } finally {
        await metadata.close();
      }
    },
  };
}

/** Returns where the metadata lies, for people. Throws `UsageError` where there is none: a new folder would serve nobody. */
function existingMetadata(config: Config): string {
  const { driver, url = '' } = config.storage.metadata;
  if (driver === 'postgres') {
    const { host, pathname } = new URL(url);
    return `PostgreSQL at ${host}${pathname}`;
  }
  const file = resolve(metadataFile(config));
  if (existsSync(file)) return file;
  throw new UsageError(
    `${file} does not exist: there is no data of berth. Name the configuration of the server by --config FILE, BERTH_CONFIG or ` +
      'BERTH_STORAGE_BLOBS_DIRECTORY; for a new server start berth serve first',
  );
}

function checkOperands(usage: string, named: string, given: readonly string[]): void {
  const names = named === '' ? [] : named.split(' ');
  const least = names.filter((name) => !name.startsWith('[')).length;
  const most = named.endsWith('...]') ? Infinity : names.length;
  if (given.length < least || given.length > most) throw new UsageError(`usage: ${usage}`);
}

/** `--expires 90d`, as milliseconds since 1970; undefined: never. */
export function expiry({ options }: Invocation): number | undefined {
  const text = options['expires'];
  if (typeof text !== 'string') return undefined;
  try {
    return Date.now() + duration('', '').parse(text) * 1000;
  } catch (error) {
    throw new UsageError(`--expires ${(error as Error).message}`);
  }
}

/** Prints lines in columns. What clients have named is escaped: it must not change the terminal or forge a line. */
export function printTable({ print }: Invocation, cells: readonly (readonly string[])[]): void {
  const rows = cells.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows)
    print(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

export function time(milliseconds: number | null): string {
  return milliseconds === null ? '-' : isoTime(milliseconds).slice(0, 19) + 'Z';
}

/** Every item of a listing that is read in pages. `key` is what the next page begins after. */
export async function everything<Item, Key>(
  first: Key,
  page: (after: Key) => Promise<readonly Item[]>,
  key: (item: Item) => Key,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let found = await page(first); ;) {
    items.push(...found);
    const last = found.at(-1);
    if (last === undefined) return items;
    found = await page(key(last));
  }
}

export const pageSize = 1000;
