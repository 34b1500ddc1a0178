import { openBlobStore } from '../../assembly/blob-store.ts';
import { openMetadata } from '../../assembly/metadata-store.ts';
import { ForeignLinks, type RepositoryReport, exportLinks } from '../../maintenance/export/export-links.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { CommandError, type Invocation, UsageError } from '../program/command.ts';
import { asksForJson, printRecords } from '../program/output.ts';
import { createProgress } from '../program/progress.ts';
import { exportImages } from './archives/export-images.ts';

const columns = {
  REPOSITORY: 'repository',
  BLOBS: 'blobs',
  MANIFESTS: 'manifests',
  TAGS: 'tags',
  MISSING: 'missing',
  WRONG: 'wrong',
  EXTRA: 'extra',
  WRITTEN: 'written',
  DELETED: 'deleted',
} as const;

const usage = 'usage: berth export REF... --output FILE\n       berth export --layout distribution';

/** `berth export`: images as a file, or links of another registry's layout. */
export async function exportContent(invocation: Invocation): Promise<void> {
  const { options, operands } = invocation;
  if (options['layout'] === undefined && operands.length === 0)
    throw new UsageError(`missing images or --layout distribution\n${usage}`);
  if (options['layout'] === undefined) return exportImages(invocation);
  if (options['layout'] !== 'distribution') throw new UsageError(`--layout must be distribution\n${usage}`);
  if (operands.length > 0) throw new UsageError(`--layout distribution is about all repositories: name no images\n${usage}`);
  await exportLayout(invocation);
}

/** Writes what is missing of another registry's layout, also beside a running server. */
async function exportLayout(invocation: Invocation): Promise<void> {
  const { options, config, warn } = invocation;
  const settings = config();
  warn(`using the data in ${locateMetadata(settings)}`);
  const driver = await openBlobStore(settings.storage.blobs);
  const metadata = await openMetadata(settings);
  const differing: RepositoryReport[] = [];
  let compared = 0;
  // With --json only the report is written.
  const bar = createProgress('links', asksForJson(invocation) ? { isTerminal: false, write: () => undefined } : invocation);
  try {
    const total = await metadata.repositories.count();
    await exportLinks({
      driver,
      metadata,
      isDry: options['dryRun'] === true,
      prune: options['prune'] === true,
      onRepository(report) {
        compared++;
        bar.show(Math.min(1, compared / total), `${compared} of ${total} repositories`);
        if (report.missing + report.wrong + report.extra > 0) differing.push(report);
      },
    });
  } catch (error) {
    throw error instanceof ForeignLinks ? new CommandError(error.message) : error;
  } finally {
    bar.end();
    await metadata.close();
    await driver.close();
  }
  if (differing.length > 0 || asksForJson(invocation)) printRecords(invocation, columns, differing);
  warn(`${compared} repositories compared, ${differing.length} had differences`);
}
