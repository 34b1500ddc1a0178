import type { CommittedTag } from '../../../archives/in/commit.ts';
import type { Compression } from '../../../archives/in/compression.ts';
import { openArchiveImports } from '../../../assembly/archives.ts';
import { openBlobStore } from '../../../assembly/blob-store.ts';
import { readDeletion } from '../../../assembly/maintenance/deletion-settings.ts';
import { openAdmission } from '../../../assembly/maintenance/quotas.ts';
import { openMetadata } from '../../../assembly/metadata-store.ts';
import { createLeases } from '../../../coordination/leases.ts';
import { unrecorded } from '../../../progress/job-recorder.ts';
import { createRegistry } from '../../../registry/registry.ts';
import { locateMetadata } from '../../accounts/admin-command.ts';
import { type Invocation, UsageError } from '../../program/command.ts';
import { printRecords } from '../../program/output.ts';
import { importFile } from './import-file.ts';
import { readDestination } from './import-targets.ts';

const columns = { FILE: 'file', REPOSITORY: 'repository', TAG: 'tag', DIGEST: 'digest' } as const;

/** `berth import FILE... --to NAME`: stores images from files, also beside a running server. */
export async function importImages(invocation: Invocation): Promise<void> {
  const { operands, options, config, warn } = invocation;
  const to = readDestination(options['to']);
  const compression = readCompression(options['compress']);
  const settings = config();
  warn(`using the data in ${locateMetadata(settings)}`);
  const [driver, metadata] = [await openBlobStore(settings.storage.blobs), await openMetadata(settings)];
  const now = Date.now;
  const admission = openAdmission(settings, metadata);
  const leases = createLeases({ metadata, now });
  const registry = createRegistry({ driver, metadata, now, leases, admission, ...readDeletion(settings) });
  const upstreams = () => Object.keys(settings.mirror.upstreams);
  const imports = openArchiveImports(settings, { registry, metadata, upstreams }, now, unrecorded);
  const imported: (CommittedTag & { readonly file: string })[] = [];
  try {
    for (const file of operands) {
      const items = await importFile(invocation, imports, file, to, compression);
      imported.push(...items.map((item) => ({ file, ...item })));
    }
  } finally {
    if (imported.length > 0) printRecords(invocation, columns, imported);
    await registry.uploads.close();
    await metadata.close();
    await driver.close();
  }
}

function readCompression(option: unknown): Compression | undefined {
  if (option === undefined || option === 'gzip' || option === 'zstd' || option === 'none') return option;
  throw new UsageError('--compress must be gzip, zstd or none');
}
