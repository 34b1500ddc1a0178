import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Digest } from '../../src/oci/digest.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { loadMigrations } from '../../storage/metadata/migrations.ts';
import type { Query, Row } from '../../storage/metadata/queries/steps/query.ts';
import { loadSubjects } from '../../storage/metadata/queries/subjects.ts';
import { type Exploration, type Machine, type Move, explore } from './explorer.ts';

const subjects = await loadSubjects();

/**
 * A model of garbage collection: writers, a deleter and collectors take their steps in every order. A step on the metadata is
 * the production transaction on a database in memory; the bytes are sets of digests. A state is the rows of the tables, the
 * bytes, the time, and where each actor is.
 */
export interface Model {
  readonly actors: readonly ActorName[];
  /** Milliseconds that HEAD, a mount and an upload keep content. */
  readonly graceMs: number;
  /** How often the clock may jump beyond every claim and deadline. */
  readonly ticks: number;
  /** Guards that are taken away, to show that the model notices. */
  readonly without?: Guard;
}

export type ActorName = 'head pusher' | 'pusher' | 'mounter' | 'deleter' | 'collector' | 'other collector' | 'trash';

/** A change of a transaction's SQL or rows, or of an actor's steps. */
export interface Guard {
  readonly name: string;
  /** Returns the SQL to run instead. */
  readonly sql?: (sql: string) => string;
  /** Returns the rows to answer instead. */
  readonly rows?: (sql: string, rows: readonly Row[]) => readonly Row[];
}

interface Actor {
  readonly pc: string;
  readonly digests: readonly Digest[];
  /** Those of a collector's digests that it must look for again. */
  readonly returning: readonly Digest[];
  readonly tries: number;
  /** Deadline of the collector. */
  readonly until: number;
}

interface Store {
  readonly tables: readonly (readonly (readonly (string | number | null)[])[])[];
  readonly bytes: readonly Digest[];
  /** Of the trash, as `digest.collector`. */
  readonly aside: readonly string[];
  readonly now: number;
  /** What clients were told to exist: repository, digest, until when. */
  readonly promises: readonly (readonly [string, Digest, number])[];
}

const [a, b] = ['a', 'b'] as RepositoryName[] as [RepositoryName, RepositoryName];
const [layer, ofHead, ofPusher, ofMounter] = ['L', 'M1', 'M2', 'M3'] as Digest[] as [Digest, Digest, Digest, Digest];
/** The collectors, as rows name them. */
const purgers = ['purger-1', 'purger-2'] as const;
const eitherPurger = /purger-[12]/g;
const claimMs = 60_000;
const purgeMs = 60_000;
/** Beyond the end of every claim, of every deadline, and of the time in which a late deletion may still happen. */
const tickMs = 200_000;
/** After which the collector looks for bytes again that may have returned, and more. */
const dayMs = 25 * 3_600_000;
const author = { actor: 'model', address: '', at: 0 };

/** Each content of the model has one byte. */
const recount = `SELECT (SELECT coalesce(sum(size_bytes), 0) FROM catalog_entries) AS counted,
  (SELECT count(*) FROM links) + (SELECT count(*) FROM manifests) + (SELECT count(*) FROM trashed_manifests) AS recounted`;

/** The tables of a state, parents first, with the columns that differ between states. */
const tables: readonly (readonly [table: string, columns: string, others: string])[] = [
  ['blobs', 'digest, unreferenced_since', 'size_bytes, created_at'],
  ['links', 'repository_id, digest', 'created_at'],
  ['manifests', 'repository_id, digest', 'media_type, size_bytes, pushed_at'],
  ['manifest_references', 'repository_id, manifest, digest', ''],
  ['reviews', 'repository_id, digest, due_at, is_urgent, failures, returns_until', ''],
  ['claims', 'digest, claimant, until', ''],
  ['purges', 'digest, purger, until, may_return', 'size_bytes'],
];

/** Explores every order of the steps of the model's actors. */
export function exploreModel(model: Model): Exploration {
  const machine = createMachine(model);
  try {
    return explore(machine);
  } finally {
    machine.close();
  }
}

/** A store that is being changed by one step. */
interface Draft {
  readonly bytes: Set<Digest>;
  readonly aside: Set<string>;
  now: number;
  readonly promises: (readonly [string, Digest, number])[];
}

type Step = (draft: Draft, actor: Actor, name: ActorName) => Actor;

const at = (actor: Actor, pc: string, digests: readonly Digest[] = actor.digests): Actor => ({ ...actor, pc, digests });

function createMachine({ actors: names, graceMs, ticks, without }: Model): Machine<Store, Actor> & { close(): void } {
  const database = new DatabaseSync(':memory:');
  database.exec('PRAGMA foreign_keys = ON');
  for (const { sql } of loadMigrations('sqlite')) database.exec(sql);
  database.exec(`UPDATE collection SET delay_ms = ${2 * graceMs};
    INSERT INTO repositories (id, name, created_at) VALUES (1, 'a', 0), (2, 'b', 0)`);
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string) => statements.get(sql) ?? statements.set(sql, database.prepare(sql)).get(sql) ?? never();

  /** Runs a production transaction. */
  function drive<Result>(query: Query<Result>): Result {
    let step = query.next([]);
    while (!step.done) {
      const { sql, values } = step.value;
      const rows = prepare(without?.sql?.(sql) ?? sql).all(...values) as readonly Row[];
      step = query.next(without?.rows?.(sql, rows) ?? rows);
    }
    return step.value;
  }

  const dump = () =>
    tables.map(([table, columns]) =>
      prepare(`SELECT ${columns} FROM ${table}`)
        .all()
        .map((row) => Object.values(row as Row)),
    );

  function restore({ tables: rows }: Store): void {
    for (const [table] of tables.toReversed()) prepare(`DELETE FROM ${table}`).run();
    for (const [index, [table, columns, others]] of tables.entries()) {
      const zeros = others === '' ? [] : others.split(', ').map((name) => (name === 'media_type' ? "'m'" : '1'));
      for (const row of rows[index] ?? []) {
        const marks = [...row.map(() => '?'), ...zeros].join(', ');
        const list = others === '' ? columns : `${columns}, ${others}`;
        prepare(`INSERT INTO ${table} (${list}) VALUES (${marks})`).run(...(row as (string | number)[]));
      }
    }
  }

  const content = (digest: Digest) => ({ digest, sizeBytes: 1 });

  function putManifest(draft: Draft, repository: RepositoryName, digest: Digest, claimant: string): 'busy' | 'missing' | 'done' {
    if (!drive(subjects.claims.take(digest, claimant, draft.now, draft.now + claimMs))) return 'busy';
    draft.bytes.add(digest);
    const facts = { repository, digest, mediaType: 'm', sizeBytes: 1, artifactType: null, subject: null, annotations: null };
    const references = { blobs: [content(layer)], children: [], acceptMissing: false, tags: [] };
    const { missing } = drive(subjects.manifests.put({ ...facts, ...references, now: draft.now, author, claimant }));
    return missing.length > 0 ? 'missing' : 'done';
  }

  /** Claim, bytes, record, manifest: what a push does after it knows that it must send the layer. */
  function pushing(repository: RepositoryName, manifest: Digest): Record<string, Step> {
    return {
      claim: (draft, actor, name) => {
        const isTaken = drive(subjects.claims.take(layer, name, draft.now, draft.now + claimMs));
        return isTaken ? at(actor, 'store') : actor;
      },
      store: (draft, actor) => {
        draft.bytes.add(layer);
        return at(actor, 'record');
      },
      record: (draft, actor, name) => {
        if (!drive(subjects.blobs.commit(repository, layer, 1, '', draft.now, name))) return at(actor, 'claim');
        draft.promises.push([repository, layer, draft.now + graceMs]);
        return at(actor, 'put');
      },
      put: (draft, actor, name) => {
        const result = putManifest(draft, repository, manifest, name);
        if (result === 'busy') return actor;
        return result === 'done' || actor.tries > 0 ? at(actor, 'done') : { ...at(actor, 'claim'), tries: 1 };
      },
    };
  }

  /** Nothing but the trash looks at bytes that a collector has set aside: without it they are deleted right after the look. */
  const deletesAtOnce = !names.includes('trash');

  function collecting(purger: string): Record<string, Step> {
    const remove = ({ aside }: Draft, digests: readonly Digest[]) => {
      for (const digest of digests) aside.delete(`${digest}.${purger}`);
    };
    return {
      decide: ({ now }, actor) => {
        const options = { now, limit: 100, purger, until: now + purgeMs };
        const { purges } = drive(subjects.collection.step(options));
        if (purges.length === 0) return actor;
        const returning = purges.filter(({ mayReturn }) => mayReturn).map(({ digest }) => digest);
        return { ...at(actor, 'set aside', purges.map(({ digest }) => digest).sort()), returning, until: options.until };
      },
      // Also after the deadline: the process may stand still between the look at the clock and the move.
      'set aside': ({ bytes, aside }, actor) => {
        for (const digest of actor.digests) if (bytes.delete(digest)) aside.add(`${digest}.${purger}`);
        return at(actor, 'look');
      },
      look: (draft, actor) => {
        const own = actor.digests.filter((digest) => drive(subjects.collection.isPurging(digest, purger)));
        if (own.length === 0) return { ...at(actor, 'decide', []), returning: [] };
        if (!deletesAtOnce) return at(actor, 'delete', own);
        remove(draft, own);
        return at(actor, 'finish', own);
      },
      delete: (draft, actor) => {
        remove(draft, actor.digests);
        return at(actor, 'finish');
      },
      finish: ({ now }, actor) => {
        const purges = actor.digests.map((digest) => ({ digest, mayReturn: actor.returning.includes(digest) }));
        drive(subjects.collection.finishPurges(purger, purges, actor.until, now));
        return { ...at(actor, 'decide', []), returning: [] };
      },
    };
  }

  function emptyTrash({ bytes, aside }: Draft): void {
    for (const key of [...aside]) {
      const digest = digestIn(key);
      if (drive(subjects.blobs.find(digest))) bytes.add(digest);
      else if (drive(subjects.claims.isClaimed(digest))) continue;
      aside.delete(key);
    }
  }

  const programs: Record<ActorName, Record<string, Step>> = {
    'head pusher': {
      head: (draft, actor) => {
        const found = drive(subjects.reviews.findBlob(a, layer, draft.now));
        if (found?.isExpiring === false) draft.promises.push([a, layer, draft.now + graceMs]);
        return at(actor, !found ? 'claim' : found.isExpiring ? 'postpone' : 'put');
      },
      postpone: (draft, actor) => {
        if (!drive(subjects.reviews.postpone(a, layer, draft.now))) return at(actor, 'claim');
        draft.promises.push([a, layer, draft.now + graceMs]);
        return at(actor, 'put');
      },
      ...pushing(a, ofHead),
    },
    pusher: pushing(b, ofPusher),
    mounter: {
      mount: (draft, actor) => {
        if (!drive(subjects.blobs.mount(a, b, layer, { ...author, at: draft.now }))) return at(actor, 'done');
        draft.promises.push([b, layer, draft.now + graceMs]);
        return at(actor, 'put');
      },
      put: (draft, actor, name) => (putManifest(draft, b, ofMounter, name) === 'busy' ? actor : at(actor, 'done')),
    },
    deleter: {
      delete: (draft, actor) => {
        const deletion = { repository: a, digest: ofHead, windowMilliseconds: 0, reason: '', cause: 'delete' } as const;
        drive(subjects.deletions.put({ ...deletion, author: { ...author, at: draft.now } }));
        return at(actor, 'done');
      },
    },
    collector: collecting(purgers[0]),
    'other collector': collecting(purgers[1]),
    trash: {
      empty: (draft, actor) => {
        emptyTrash(draft);
        return actor;
      },
    },
  };

  const settle = (draft: Draft): Store => ({
    tables: dump(),
    bytes: [...draft.bytes].sort(),
    aside: [...draft.aside].sort(),
    now: draft.now,
    promises: draft.promises.filter(([, , until]) => until > draft.now),
  });

  const draftOf = ({ bytes, aside, now, promises }: Store): Draft => ({
    bytes: new Set(bytes),
    aside: new Set(aside),
    now,
    promises: [...promises],
  });

  function broken({ bytes, aside, promises, now }: Store): string | undefined {
    const stored = new Set([...bytes, ...aside.map(digestIn)]);
    const recorded = prepare('SELECT digest FROM blobs').all() as { digest: Digest }[];
    const lost = recorded.find(({ digest }) => !stored.has(digest));
    if (lost) return `the bytes of ${lost.digest} are recorded and gone`;
    const cut = prepare(
      `SELECT r.manifest FROM manifest_references r WHERE NOT EXISTS
         (SELECT 1 FROM links l WHERE l.repository_id = r.repository_id AND l.digest = r.digest)`,
    ).get();
    if (cut) return `the layer of manifest ${String(cut['manifest'])} is not linked`;
    const link = prepare('SELECT 1 FROM links l JOIN repositories r ON r.id = l.repository_id WHERE r.name = ? AND l.digest = ?');
    const early = promises.find(([repository, digest, until]) => until > now && !link.get(repository, digest));
    if (early) return `${early[1]} is gone from ${early[0]} before the grace is over`;
    const { counted, recounted } = prepare(recount).get() ?? never();
    return counted === recounted ? undefined : `the catalog counts ${String(counted)} bytes instead of ${String(recounted)}`;
  }

  let restored: Store | undefined;

  /** Runs the step from the store, and goes back to it. A step that throws changes nothing. */
  function attempt<Result>(store: Store, take: (draft: Draft) => Result): Move<Store> & { readonly result: Result | undefined } {
    if (restored !== store) restore(store);
    restored = store;
    const draft = draftOf(store);
    database.exec('SAVEPOINT step');
    try {
      const result = take(draft);
      const after = settle(draft);
      return { after, result, broken: broken(after) };
    } catch (error) {
      return { after: store, result: undefined, broken: (error as Error).message };
    } finally {
      database.exec('ROLLBACK TO step; RELEASE step');
    }
  }

  /** Every process dies here: a collector that runs long enough leaves nothing that nothing needs. */
  function atRest(store: Store): string | undefined {
    const found = attempt(store, (draft) => {
      draft.now += 4 * graceMs;
      const program = collecting('at rest');
      const count = prepare('SELECT count(*) AS count FROM reviews');
      for (let turn = 0; turn < 6; turn++) {
        draft.now += turn > 1 ? dayMs : tickMs;
        emptyTrash(draft);
        let actor: Actor = { pc: 'decide', digests: [], returning: [], tries: 0, until: 0 };
        do actor = program[actor.pc]?.(draft, actor, 'collector') ?? never();
        while (actor.pc !== 'decide');
        if (count.get()?.['count'] === 0) break;
      }
      drive(subjects.claims.forget(draft.now));
      emptyTrash(draft);
    });
    if (found.broken !== undefined) return found.broken;
    const { tables: rows, bytes, aside } = found.after;
    const [blobs = [], links = [], manifests = [], references = [], reviews = [], claims = [], purges = []] = rows;
    const stored = [...bytes, ...aside].sort().join();
    const needed = [...new Set([...links, ...manifests].map(([, digest]) => digest))].sort().join();
    const recorded = blobs
      .map(([digest]) => digest)
      .sort()
      .join();
    if (stored !== recorded || recorded !== needed) return `stored ${stored}, recorded ${recorded}, needed ${needed}`;
    const unneeded = links.find(([id, digest]) => !references.some((row) => row[0] === id && row[2] === digest));
    if (unneeded) return `${String(unneeded[1])} is linked without need`;
    const left = reviews.length + claims.length + purges.length;
    return left > 0 ? `${JSON.stringify([reviews, claims, purges])} is left` : undefined;
  }

  const [one, two] = [names.indexOf('collector'), names.indexOf('other collector')];
  const other = (purger: string) => purgers[purger === purgers[0] ? 1 : 0];

  return {
    initial() {
      // The layer is in the first repository, and nothing needs it there any more.
      const draft: Draft = { bytes: new Set([layer]), aside: new Set(), now: 1, promises: [] };
      drive(subjects.blobs.commit(a, layer, 1, '', draft.now));
      const actors = names.map((name): Actor => {
        const pc = Object.keys(programs[name])[0] ?? never();
        return { pc, digests: [], returning: [], tries: 0, until: 0 };
      });
      return { store: settle(draft), actors };
    },
    nextStep: (index, { pc }) => {
      const name = names[index] ?? never();
      return programs[name][pc] && `${name}: ${pc}`;
    },
    step(store, index, actor) {
      const name = names[index] ?? never();
      const step = programs[name][actor.pc] ?? never();
      const { result = actor, ...move } = attempt(store, (draft) => step(draft, actor, name));
      return { ...move, actor: result };
    },
    tick(store) {
      if (store.now >= ticks * tickMs + 1) return undefined;
      return attempt(store, (draft) => void (draft.now += tickMs));
    },
    atRest,
    // The two collectors run the same program.
    twins:
      one < 0 || two < 0
        ? undefined
        : {
            indexes: [one, two],
            swap(store) {
              const swapped = JSON.parse(JSON.stringify(store).replaceAll(eitherPurger, other)) as Store;
              return { ...swapped, aside: swapped.aside.toSorted() };
            },
          },
    close: () => database.close(),
  };
}

const digestIn = (key: string) => key.split('.')[0] as Digest;

function never(): never {
  throw new Error('the model is incomplete');
}
