import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createPostgresStore } from '../../storage/metadata/postgres/postgres-store.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { tables } from '../../storage/metadata/tables.ts';
import { type Database, createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';

/** Columns as `table.column class [NOT NULL]`, indexes as `name on table`; sorted. */
interface Schema {
  readonly tables: readonly string[];
  readonly columns: readonly string[];
  readonly indexes: readonly string[];
  readonly foreignKeys: readonly ColumnList[];
  /** Of indexes, primary keys and unique constraints. */
  readonly indexed: readonly IndexedColumns[];
}

/** Columns of a foreign key or an index, in its order. */
interface ColumnList {
  readonly table: string;
  readonly columns: readonly string[];
}

interface IndexedColumns extends ColumnList {
  /** The condition of a partial index; '' if every row is in the index. */
  readonly condition: string;
}

/**
 * Returns the foreign keys, as `table (columns)`, whose rows no index finds: the deletion of one row that they reference reads
 * the whole table. An index without the rows that reference nothing is enough.
 */
function foreignKeysWithoutIndex({ foreignKeys, indexed }: Pick<Schema, 'foreignKeys' | 'indexed'>): readonly string[] {
  const finds = (index: IndexedColumns, { table, columns }: ColumnList) =>
    index.table === table &&
    index.columns.slice(0, columns.length).toSorted().join() === columns.toSorted().join() &&
    (index.condition === '' || columns.some((name) => index.condition === `${name} IS NOT NULL`));
  return foreignKeys
    .filter((key) => !indexed.some((index) => finds(index, key)))
    .map(({ table, columns }) => `${table} (${columns.join(', ')})`);
}

/** The classes of types that both dialects have. */
const classes: Readonly<Record<string, string>> = {
  INTEGER: 'number',
  bigint: 'number',
  integer: 'number',
  TEXT: 'text',
  text: 'text',
};

const column = (table: unknown, name: unknown, type: unknown, isRequired: boolean) =>
  `${String(table)}.${String(name)} ${classes[String(type)] ?? String(type)}${isRequired ? ' NOT NULL' : ''}`;

/** What each database finds texts with: tables of its own in SQLite, an index in PostgreSQL. */
const ownTextIndex = { sqlite: 'catalog_texts', postgres: 'catalog_trigrams' } as const;

function sqliteSchema(database: DatabaseSync): Schema {
  const names = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid")
    .all()
    .map(({ name }) => String(name))
    .filter((name) => !name.startsWith(ownTextIndex.sqlite));
  const columns = names.flatMap((table) =>
    database
      .prepare(`PRAGMA table_info(${table})`)
      .all()
      .map(({ name, type, notnull, pk }) => column(table, name, type, notnull === 1 || Number(pk) > 0)),
  );
  const indexes = database
    .prepare("SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    .all()
    .map(({ name, tbl_name }) => `${String(name)} on ${String(tbl_name)}`);
  const read = (table: string, pragma: string) =>
    database
      .prepare(`PRAGMA ${pragma}`)
      .all()
      .map((row) => ({ table, row }));
  const foreignKeys = names.flatMap((table) =>
    [...Map.groupBy(read(table, `foreign_key_list(${table})`), ({ row }) => row['id']).values()].map((rows) => ({
      table,
      columns: rows.map(({ row }) => String(row['from'])),
    })),
  );
  const condition = database.prepare("SELECT substr(sql, instr(sql, ' WHERE ') + 7) AS text FROM sqlite_schema WHERE name = ?");
  const indexed = names.flatMap((table) => [
    // The row id has no index of its own.
    {
      table,
      columns: read(table, `table_info(${table})`)
        .filter(({ row }) => row['pk'] === 1 && row['type'] === 'INTEGER')
        .map(({ row }) => String(row['name'])),
      condition: '',
    },
    ...read(table, `index_list(${table})`).map(({ row }) => ({
      table,
      columns: read(table, `index_info(${String(row['name'])})`).map((column) => String(column.row['name'])),
      condition: row['partial'] === 1 ? String(condition.get(String(row['name']))?.['text']) : '',
    })),
  ]);
  return { tables: names, columns: columns.sort(), indexes: indexes.sort(), foreignKeys, indexed };
}

async function postgresSchema(database: Database): Promise<Schema> {
  const columns = await database.execute(
    `SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
       JOIN information_schema.tables USING (table_schema, table_name)
      WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`,
  );
  const names = new Set(columns.map(({ table_name }) => String(table_name)));
  // Indexes of primary keys and unique constraints have names of the database's own.
  const indexes = await database.execute(
    `SELECT indexname, tablename FROM pg_indexes WHERE schemaname = current_schema()
        AND indexname NOT IN (SELECT conname FROM pg_constraint) AND indexname <> '${ownTextIndex.postgres}'`,
  );
  return {
    tables: [...names].sort(),
    columns: columns
      .map(({ table_name, column_name, data_type, is_nullable }) =>
        column(table_name, column_name, data_type, is_nullable === 'NO'),
      )
      .sort(),
    indexes: indexes.map(({ indexname, tablename }) => `${String(indexname)} on ${String(tablename)}`).sort(),
    foreignKeys: (await database.execute(postgresForeignKeys)).map(columnList),
    indexed: (await database.execute(postgresIndexes)).map((row) => ({
      ...columnList(row),
      condition: String(row['condition']).replace(/^\((.*)\)$/, '$1'),
    })),
  };
}

const columnList = (row: Readonly<Record<string, unknown>>): ColumnList => ({
  table: String(row['table']),
  columns: String(row['columns']).split(','),
});

const namesOf = (relation: string, numbers: string) =>
  `(SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(${numbers}) WITH ORDINALITY k (number, place)
      JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.number)`;

const postgresForeignKeys = `SELECT conrelid::regclass::text AS "table", ${namesOf('conrelid', 'conkey')} AS "columns"
  FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace`;

const postgresIndexes = `SELECT indrelid::regclass::text AS "table", ${namesOf('indrelid', 'indkey::int2[]')} AS "columns",
    coalesce(pg_get_expr(indpred, indrelid), '') AS "condition"
  FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = current_schema()::regnamespace`;

let directory: string;
let sqlite: Schema;
let references: readonly { readonly table: string; readonly target: string }[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'berth-schemas-'));
  const file = join(directory, 'metadata.sqlite');
  await (await createSqliteStore({ file })).close();
  const database = new DatabaseSync(file, { readOnly: true });
  sqlite = sqliteSchema(database);
  references = sqlite.tables.flatMap((table) =>
    database
      .prepare(`PRAGMA foreign_key_list(${table})`)
      .all()
      .map((row) => ({ table, target: String(row['table']) })),
  );
  database.close();
});
afterAll(() => rm(directory, { recursive: true }));

test('the list of tables has every table of the SQLite database once', () => {
  expect(tables.map(({ name }) => name).sort()).toEqual(sqlite.tables.toSorted());
});

test('the list of tables has a table after those that it references', () => {
  const position = (name: string) => tables.findIndex((table) => table.name === name);
  expect(references.length).toBeGreaterThan(0);
  expect(references.filter(({ table, target }) => position(target) >= position(table))).toEqual([]);
});

test('an index finds the rows of every foreign key', () => {
  expect(sqlite.foreignKeys.length).toBeGreaterThan(20);
  expect(foreignKeysWithoutIndex(sqlite)).toEqual([]);
});

test('the check of foreign keys finds one without an index', () => {
  const foreignKeys = [{ table: 'items', columns: ['plan', 'repository'] }];
  const index = { table: 'items', columns: ['repository', 'plan', 'digest'], condition: '' };
  expect(foreignKeysWithoutIndex({ foreignKeys, indexed: [index] })).toEqual([]);
  const others = [
    { ...index, table: 'other' },
    { ...index, columns: ['plan'] },
    { ...index, condition: 'state = 1' },
  ];
  expect(foreignKeysWithoutIndex({ foreignKeys, indexed: others })).toEqual(['items (plan, repository)']);
});

describeWith(postgresPrograms, 'the schema of PostgreSQL', () => {
  let database: Database;
  let postgres: Schema;
  beforeAll(async () => {
    database = await createDatabase();
    await (await createPostgresStore({ url: database.url, connections: 1 })).close();
    postgres = await postgresSchema(database);
  }, 180_000);
  afterAll(() => database.drop());

  test('has the tables of the list', () => {
    expect(postgres.tables).toEqual(tables.map(({ name }) => name).sort());
  });

  test('has the columns of SQLite', () => {
    expect(postgres.columns).toEqual(sqlite.columns);
  });

  test('has the indexes of SQLite', () => {
    expect(postgres.indexes).toEqual(sqlite.indexes);
  });

  test('has the foreign keys of SQLite, and an index finds the rows of each', () => {
    const described = ({ foreignKeys }: Schema) =>
      foreignKeys.map(({ table, columns }) => `${table} (${columns.join(', ')})`).sort();
    expect(described(postgres)).toEqual(described(sqlite));
    expect(foreignKeysWithoutIndex(postgres)).toEqual([]);
  });
});
