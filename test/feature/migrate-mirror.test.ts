import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { moveMetadata } from '../../storage/metadata/transfer/transfer.ts';
import { createPostgresStore } from '../../storage/metadata/postgres/postgres-store.ts';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import { createDatabase, postgresPrograms } from '../support/postgres.ts';
import { describeWith } from '../support/requires.ts';
import { plain } from '../support/plain.ts';

const holder = { repository: 'docker.io/library/a', upstream: 'docker.io', byLogin: false };
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

describeWith(postgresPrograms, 'berth migrate, of a mirror', () => {
  test('counts the size again, and does not copy content that is being evicted', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'berth-migrate-mirror-'));
    const file = join(directory, 'metadata.sqlite');
    const old = plain(await createSqliteStore({ file }));
    for (const letter of ['a', 'b', 'c']) await old.mirroredContent.recordBlob([holder], digest(letter), 5, 1);
    await old.mirroredContent.recordUses([{ digest: digest('a'), usedAt: 2, isNew: true }]);
    await old.mirrorSpace.evict(digest('c'), 3);
    expect(await old.mirrorSpace.size()).toEqual({ contentBytes: 10, protectedBytes: 5, transitBytes: 5 });
    await old.close();

    const database = await createDatabase();
    await moveMetadata(file, database.url, () => undefined);
    const moved = plain(await createPostgresStore({ url: database.url, connections: 2 }));
    expect(await moved.mirrorSpace.size()).toEqual({ contentBytes: 10, protectedBytes: 5, transitBytes: 0 });
    await moved.mirrorSpace.evict(digest('a'), 4);
    expect(await moved.mirrorSpace.size()).toEqual({ contentBytes: 5, protectedBytes: 0, transitBytes: 5 });
    await moved.close();
    await database.drop();
    await rm(directory, { recursive: true });
  }, 60_000);
});
