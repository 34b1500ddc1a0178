import { describe, expect, test } from '@jest/globals';
import { type ActorName, type Guard, type Model, exploreModel } from '../support/collection-model.ts';
import { isLong } from '../support/long.ts';

const graceMs = 100_000;

/** The models of the guards: without a guard each of them must fail, and with all guards none. */
const one: Model = { actors: ['head pusher', 'deleter', 'collector'], graceMs: 0, ticks: 2 };
const two: Model = { actors: ['head pusher', 'pusher', 'collector'], graceMs: 0, ticks: 1 };
const late: Model = { actors: ['pusher', 'collector', 'other collector'], graceMs: 0, ticks: 2 };
const long: Model = { actors: ['head pusher', 'deleter', 'collector'], graceMs, ticks: 3 };

/** Every actor is in several of them. */
const models: readonly Model[] = [
  one,
  long,
  { actors: ['head pusher', 'mounter', 'deleter', 'collector'], graceMs: 0, ticks: 0 },
  { actors: ['head pusher', 'mounter', 'deleter', 'collector'], graceMs, ticks: 1 },
  { actors: ['pusher', 'collector', 'other collector'], graceMs: 0, ticks: 1 },
];

const actors: readonly ActorName[] = ['head pusher', 'pusher', 'mounter', 'deleter', 'collector', 'other collector'];

/** All actors, no grace and a jump of the clock have too many states together; here each two actors meet in a model that ends. */
const pairModels: readonly Model[] = [
  { actors: ['head pusher', 'mounter', 'deleter', 'collector', 'other collector'], graceMs: 0, ticks: 1 },
  { actors: ['head pusher', 'pusher', 'deleter', 'collector'], graceMs: 0, ticks: 1 },
  { actors: ['pusher', 'mounter', 'collector', 'other collector'], graceMs: 0, ticks: 1 },
];

/** For the long run of CI. */
const longModels: readonly Model[] = [
  ...pairModels,
  late,
  { actors, graceMs: 0, ticks: 0 },
  { actors, graceMs, ticks: 1 },
  { actors: ['pusher', 'collector', 'other collector', 'trash'], graceMs: 0, ticks: 2 },
  { actors: ['pusher', 'collector', 'other collector', 'trash'], graceMs, ticks: 3 },
];

const describeModel = ({ actors, graceMs, ticks }: Model) =>
  `${actors.join(', ')}; grace ${graceMs} ms; ${ticks} jumps of the clock`;

const replaced = (from: string, to: string) => (sql: string) => sql.replaceAll(from, to);

/** Answers as if the statement had found a row. */
const always = (statement: string) => (sql: string, rows: Parameters<NonNullable<Guard['rows']>>[1]) =>
  sql.startsWith(statement) && rows.length === 0 ? [{ digest: 'L' }] : rows;

/** A collector that ignores claims only keeps writers from their end: they notice that their claim was taken away. */
const guards: readonly (Guard & { readonly model: Model })[] = [
  {
    name: 'a writer claims nothing while the bytes are deleted',
    sql: replaced('SELECT 1 FROM purges WHERE digest = ?', 'SELECT 1 FROM purges WHERE digest = ? AND 1 = 0'),
    model: one,
  },
  {
    name: 'a writer whose claim was taken away records nothing',
    rows: always('DELETE FROM claims WHERE digest = ? AND claimant = ?'),
    model: one,
  },
  {
    name: 'a collector takes lapsed claims away',
    sql: replaced('DELETE FROM claims WHERE digest IN', 'DELETE FROM claims WHERE 1 = 0 AND digest IN'),
    model: one,
  },
  {
    name: 'a collector deletes no bytes that a repository links',
    sql: replaced('(SELECT 1 FROM links l WHERE l.digest = v.digest LIMIT 1), ', ''),
    model: two,
  },
  {
    name: 'a collector removes no link that a manifest needs',
    sql: replaced('manifest_references f WHERE f.repository_id = v.repository_id', 'manifest_references f WHERE 1 = 0'),
    model: one,
  },
  {
    name: 'a collector looks again before it deletes',
    rows: always('SELECT 1 FROM purges WHERE digest = ? AND purger = ?'),
    model: late,
  },
  {
    name: 'a collector ends only its own deletions',
    sql: replaced('DELETE FROM purges WHERE purger = ? AND', "DELETE FROM purges WHERE ? <> '' AND"),
    model: late,
  },
  {
    name: 'a collector looks again for bytes of a writer that stood still',
    sql: replaced(
      'UPDATE reviews SET due_at = ? WHERE repository_id = 0 AND due_at',
      'DELETE FROM reviews WHERE ? > 0 AND due_at',
    ),
    model: one,
  },
  {
    name: 'a record of the same bytes leaves the review of bytes that may return',
    sql: replaced(' AND returns_until IS NULL', ''),
    model: two,
  },
  {
    name: 'a collector notes bytes that may return before it deletes them',
    sql: replaced('UPDATE reviews SET returns_until = ? WHERE', 'UPDATE reviews SET returns_until = ? WHERE 1 = 0 AND'),
    model: two,
  },
  {
    name: 'reviews are written',
    sql: (sql) =>
      sql.startsWith('INSERT INTO reviews') ? sql.replace(' + (SELECT delay_ms', ' + 9e15 + (SELECT delay_ms') : sql,
    model: one,
  },
  {
    name: 'the references of a manifest are looked up in its transaction',
    sql: replaced(
      'FROM links l JOIN blobs b ON b.digest = l.digest WHERE l.repository_id = ?',
      'FROM blobs l JOIN blobs b ON b.digest = l.digest WHERE ? > 0',
    ),
    model: one,
  },
  {
    name: 'HEAD postpones the review',
    rows: (sql, rows) => (sql.includes('"isExpiring"') ? rows.map((row) => ({ ...row, isExpiring: 0 })) : rows),
    model: long,
  },
];

describe('the model of garbage collection', () => {
  test.each([...models, ...(isLong ? longModels : [])])(
    'nothing that is recorded, needed or promised is lost, and nothing else stays: $actors',
    (model) => {
      const { states, transitions, stores, violation } = exploreModel(model);
      process.stdout.write(`${describeModel(model)}: ${states} states with ${stores} stores, ${transitions} steps\n`);
      expect(violation).toBeUndefined();
      expect(states).toBeGreaterThan(500);
    },
    300_000,
  );

  test('each two actors meet without grace in a model in which the clock jumps', () => {
    const pairs = actors.flatMap((one, index) => actors.slice(index + 1).map((other) => [one, other] as const));
    const models = pairModels.filter((model) => model.graceMs === 0 && model.ticks > 0);
    const missing = pairs.filter((pair) => !models.some((model) => pair.every((actor) => model.actors.includes(actor))));
    expect(missing).toEqual([]);
  });

  test.each(guards)(
    'it fails without the guard: $name',
    ({ model, ...guard }) => {
      expect(exploreModel({ ...model, without: guard }).violation).toBeDefined();
    },
    300_000,
  );
});
