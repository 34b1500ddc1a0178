import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { openArchiveImports } from '../../assembly/archives.ts';
import { openBlobStore } from '../../assembly/blob-store.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { openAdmission } from '../../assembly/maintenance/quotas.ts';
import { readDeletion } from '../../assembly/maintenance/deletion-settings.ts';
import type { CommittedTag } from '../../archives/in/commit.ts';
import type { Compression } from '../../archives/in/compression.ts';
import type { ArchiveImports } from '../../archives/in/imports.ts';
import type { StagedArchive } from '../../archives/in/plan.ts';
import { type Target, proposeTargets } from '../../archives/in/targets.ts';
import { unrecorded } from '../../progress/job-recorder.ts';
import { createLeases } from '../../coordination/leases.ts';
import { OciError } from '../../oci/errors.ts';
import { type RepositoryName, type Tag, parseNamedReference, parseRepositoryName } from '../../oci/reference.ts';
import { createRegistry } from '../../registry/registry.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { CommandError, type Invocation, UsageError } from '../program/command.ts';
import { printRecords } from '../program/output.ts';
import { createProgress, inUnits } from '../program/progress.ts';

/** Where images go, from `--to`. */
interface Destination {
  readonly repository: RepositoryName | undefined;
  /** For a single image. */
  readonly tag: Tag | undefined;
}

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

function readDestination(option: unknown): Destination {
  if (typeof option !== 'string') return { repository: undefined, tag: undefined };
  const repository = parseRepositoryName(option);
  if (repository) return { repository, tag: undefined };
  const named = parseNamedReference(option);
  if (named?.reference.tag === undefined)
    throw new UsageError(`${option} is neither a repository such as team/app nor an image such as team/app:1.0`);
  return { repository: named.repository, tag: named.reference.tag };
}

function readCompression(option: unknown): Compression | undefined {
  if (option === undefined || option === 'gzip' || option === 'zstd' || option === 'none') return option;
  throw new UsageError('--compress must be gzip, zstd or none');
}

/** Upload sessions need a repository; without `--to` it is not known before the archive is read. */
const unnamed = 'imported' as RepositoryName;

/** Commands check no rights: their caller can change them. Their upload sessions belong to no account. */
const owner = '';
const author = { actor: 'command line', address: '' };

async function importFile(
  invocation: Invocation,
  imports: ArchiveImports,
  file: string,
  to: Destination,
  compression: Compression | undefined,
): Promise<readonly CommittedTag[]> {
  try {
    const { size } = await stat(file);
    const source = readFileBytes(invocation, file, size);
    const sender = { repository: to.repository ?? unnamed, owner, author };
    const archive = await imports.receive(source, sender, { compression, sizeBytes: size });
    try {
      const targets = targetsOf(archive, file, to);
      for (const { note, missing = [] } of archive.plan.images) {
        if (note !== undefined) invocation.warn(`${file}: ${note}`);
        if (missing.length > 0)
          invocation.warn(`${file}: the index lists ${missing.join(', ')}, and the file does not have them`);
      }
      return await imports.commit({ archive, owner, targets, keepsTags: () => false, author });
    } catch (error) {
      await imports.cancel(archive.id, owner).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    if (error instanceof OciError || isSystemError(error)) throw new CommandError(`${file}: ${error.message}`);
    throw error;
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return typeof error === 'object' && error !== null && 'syscall' in error;
}

/**
 * Yields the bytes of the file and shows how many were read. Throws `CommandError` after a signal: what was stored is
 * dropped.
 */
async function* readFileBytes(invocation: Invocation, file: string, size: number): AsyncGenerator<Uint8Array> {
  const { isTerminal, write, options, onSignal } = invocation;
  const bar = createProgress(file, { isTerminal, write: options['json'] === true ? () => undefined : write });
  let signal: string | undefined;
  void onSignal().then((name) => (signal = name));
  let read = 0;
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
      if (signal !== undefined) throw new CommandError(`${signal}: stopped; nothing of ${file} was imported`);
      read += chunk.length;
      if (size > 0) bar.show(read / size, `${inUnits(read)} of ${inUnits(size)}`);
      yield chunk;
    }
  } finally {
    bar.end();
  }
}

function targetsOf({ plan }: StagedArchive, file: string, { repository, tag }: Destination): readonly Target[] {
  if (tag !== undefined && repository) {
    if (plan.images.length === 1) return [{ image: 0, repository, tag }];
    throw new CommandError(`${file} has ${plan.images.length} images: --to needs a repository without a tag`);
  }
  const targets = proposeTargets(plan.images, repository);
  const named = new Set(targets.map(({ image }) => image));
  const unnamed = plan.images.flatMap(({ digest }, at) => (named.has(at) ? [] : [digest]));
  if (unnamed.length > 0)
    throw new CommandError(`${file}: no name for ${unnamed.join(', ')}: import it alone with --to REPOSITORY:TAG`);
  return targets;
}
