import { setImmediate } from 'node:timers/promises';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { listsEverything, permits } from './authorize.ts';
import { type NameRange, type Pattern, covers, parsePattern, rangeOf, skip } from '../../oci/patterns/repository-pattern.ts';
import type { Principal } from './principal.ts';
import { type NameSource, mergeNames } from './merge-names.ts';
import type { Visibility } from './visibility.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';

export interface VisibleOptions {
  readonly metadata: MetadataStore;
  /** Returns those of the names that are not public at their upstream, whatever the rules here. */
  readonly hidden: (names: readonly RepositoryName[]) => Promise<ReadonlySet<string>>;
}

/**
 * Yields the repositories that a principal may pull, after `after`, ascending, for listings and search; all of them for an
 * external token with the catalog scope. Reads only the index ranges that are granted or public: other repositories cost
 * nothing.
 */
export function visibleRepositories(
  { metadata, hidden }: VisibleOptions,
  principal: Principal,
  visibility: Visibility,
  after: string,
): AsyncGenerator<RepositoryName> {
  const seesAll = listsEverything(principal);
  const mayPull = (repository: string, isPublic: boolean) =>
    seesAll || permits(principal, { action: 'pull', repository, isPublic });
  const patterns = principal.admin || seesAll ? allRepositories : principal.grants.patterns('pull');
  const wildcards = withoutCovered(patterns.filter(({ kind }) => kind !== 'name'));
  const sources = [
    ...wildcards.map((pattern) => ranged(pattern, (repository) => mayPull(repository, false))),
    named(patterns.flatMap(({ kind, prefix }) => (kind === 'name' && parseRepositoryName(prefix)) || [])),
  ];
  if (principal.pullsPublic) sources.push(publicByName(), ...visibility.publicPatterns.map(publicByPattern));
  return mergeNames(sources);

  function ranged(pattern: Pattern, accept: (repository: string) => boolean): NameSource {
    const range = from(rangeOf(pattern), after);
    return {
      after: range.after,
      open: () =>
        scan(range, ({ name }) => (matchesRest(pattern, name) && accept(name) ? 'take' : { goOn: skip(pattern, name) })),
    };
  }

  function publicByPattern(pattern: Pattern): NameSource {
    const range = from(rangeOf(pattern), after);
    return {
      after: range.after,
      open: () =>
        scan(
          range,
          ({ name, isPublic }) => {
            if (!matchesRest(pattern, name)) return { goOn: skip(pattern, name) };
            if (visibility.resolve(name, isPublic)) return 'take';
            const closing = isPublic === null ? visibility.privatePatternOf(name) : undefined;
            return { goOn: closing?.kind === 'tree' ? rangeOf(closing).before : name };
          },
          hidden,
        ),
    };
  }

  function publicByName(): NameSource {
    return {
      after,
      async *open() {
        let names = await metadata.repositories.listPublic(after, batch);
        while (names.length > 0) {
          const kept = await hidden(names);
          yield* names.filter((name) => !kept.has(name));
          names = await metadata.repositories.listPublic(names.at(-1) ?? '', batch);
        }
      },
    };
  }

  function named(all: readonly RepositoryName[]): NameSource {
    const names = [...new Set(all)].filter((name) => name > after && mayPull(name, false)).sort();
    return {
      after,
      async *open() {
        for (let start = 0; start < names.length; start += batch) {
          yield* [...(await metadata.repositories.listNamed(names.slice(start, start + batch)))].sort();
        }
      },
    };
  }

  /** Reads the range in batches. A row that is not taken says where to continue, often far behind it. */
  async function* scan(
    range: NameRange,
    judge: (row: Row) => 'take' | { readonly goOn: string },
    except: VisibleOptions['hidden'] = () => Promise.resolve(noNames),
  ): AsyncGenerator<RepositoryName> {
    let { after } = range;
    for (let turn = 1; ; turn++) {
      const rows = await metadata.repositories.listBetween(after, range.before, batch);
      const excepted = await except(rows.map(({ name }) => name));
      for (const row of rows) {
        if (row.name <= after) continue;
        const verdict = judge(row);
        after = verdict === 'take' ? row.name : verdict.goOn;
        if (verdict === 'take' && !excepted.has(row.name)) yield row.name;
      }
      if (rows.length < batch || after >= range.before) return;
      if (turn % batchesPerTurn === 0) await setImmediate();
    }
  }
}

interface Row {
  readonly name: RepositoryName;
  readonly isPublic: boolean | null;
}

const noNames: ReadonlySet<string> = new Set();
const batch = 200;
/** Batches read before the event loop runs other requests. */
const batchesPerTurn = 10;

const allRepositories = [parsePattern('**')].filter((pattern) => pattern !== undefined);

function from(range: NameRange, after: string): NameRange {
  return range.after >= after ? range : { ...range, after };
}

/** True if a name in the pattern's range matches the pattern. */
function matchesRest({ kind, prefix }: Pattern, name: string): boolean {
  return kind === 'tree' || !name.includes('/', prefix.length);
}

function withoutCovered(patterns: readonly Pattern[]): readonly Pattern[] {
  const unique = [...new Map(patterns.map((pattern) => [pattern.text, pattern])).values()];
  return unique.filter((pattern) => !unique.some((other) => other !== pattern && covers(other, pattern)));
}
