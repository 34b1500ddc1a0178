import { createDatabase } from './postgres.ts';

/** Where a berth of the tests keeps its metadata: SQLite, or with TEST_METADATA=postgres a database of its own. */
export interface TestMetadata {
  /** `BERTH_*` variables. */
  readonly settings: Readonly<Record<string, string>>;
  dispose(): Promise<void>;
}

export async function createMetadata(): Promise<TestMetadata> {
  if (process.env['TEST_METADATA'] !== 'postgres') return { settings: {}, dispose: () => Promise.resolve() };
  const { url, drop } = await createDatabase();
  return { settings: postgresSettings(url), dispose: drop };
}

export function postgresSettings(url: string): Readonly<Record<string, string>> {
  return { BERTH_STORAGE_METADATA_DRIVER: 'postgres', BERTH_STORAGE_METADATA_URL: url };
}
