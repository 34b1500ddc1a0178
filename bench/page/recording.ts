import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSqliteStore } from '../../storage/metadata/sqlite/sqlite-store.ts';
import type { Digest } from '../../src/oci/digest.ts';
import type { RepositoryName } from '../../src/oci/reference.ts';
import { createPulls } from '../../src/registry/pulls.ts';

const repository = 'bench/image' as RepositoryName;
/** Manifests of the worst case: none is pulled twice within an hour. */
const manifests = 20_000;
const pulls = 1_000_000;

/**
 * Measures the CPU that the record of a pull takes, of all threads, in parts of the pull of a manifest: of one manifest again
 * and again, and where each pull is of another manifest.
 */
export async function measureRecording(secondsOfPull: number): Promise<readonly (readonly string[])[]> {
  const directory = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  const metadata = await createSqliteStore({ file: join(directory, 'metadata.sqlite') });
  const recorder = createPulls({ metadata, now: Date.now });
  const cpuOf = async (count: number, digestOf: (pull: number) => string) => {
    const before = process.cpuUsage();
    for (let pull = 0; pull < count; pull++) {
      recorder.add(repository, digestOf(pull) as Digest, '');
      if (pull % 1000 === 0) await recorder.flush();
    }
    await recorder.flush();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6 / count;
  };
  const row = (name: string, seconds: number) => [
    name,
    (seconds * 1e6).toFixed(2),
    `${((100 * seconds) / secondsOfPull).toFixed(2)} %`,
  ];
  try {
    await cpuOf(1000, (pull) => `sha256:first-${pull}`);
    return [
      ['the record of a pull', 'CPU µs', 'of a manifest GET'],
      row('one manifest', await cpuOf(pulls, () => 'sha256:same')),
      row('each pull of another manifest', await cpuOf(manifests, (pull) => `sha256:${pull}`)),
    ];
  } finally {
    await metadata.close();
    await rm(directory, { recursive: true });
  }
}
