import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { SyncTagRecord } from '../../../storage/metadata/queries/sync/tags.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/reference.ts';
import { isSubjectTag, subjectTags } from '../../oci/subject-tags.ts';
import { reasonOf } from '../../upstream/upstream-error.ts';
import type { ImageCopy } from './copy-image.ts';
import type { RepositoryPair, Source, SyncEntry, Target } from './entry.ts';
import { isStopping } from './failures.ts';
import { isNewer } from './image-age.ts';
import type { Progress } from './progress.ts';
import { type TagSituation, decideTag, isNews, recordOf } from './reconcile.ts';
import { isNotFound } from './remote-requests.ts';
import { selectTags } from './select.ts';

/** How a run differs from a scheduled one. */
export interface RunMode {
  /** Look and report, write nothing. */
  readonly isDryRun: boolean;
  /** Also look into images whose tags are equal: children and referrers may be missing. */
  readonly isFull: boolean;
  /** Set tags of manifests that the target has, and copy nothing. */
  readonly tagsOnly: boolean;
  /** Delete although the brake would hold. */
  readonly allowsDeletions: boolean;
}

/** Something that a run does, or would do in a dry run. */
export interface SyncAction {
  readonly action: 'copy' | 'keep' | 'delete' | 'fail';
  /** At the target. */
  readonly repository: RepositoryName;
  /** Tag or digest; '' for the repository as a whole. */
  readonly reference: string;
  readonly digest: Digest | undefined;
  readonly reason: string;
}

export interface RepositorySyncOptions {
  readonly entry: SyncEntry;
  readonly source: Source;
  readonly target: Target;
  readonly metadata: Pick<MetadataStore, 'syncTags'>;
  readonly images: ImageCopy;
  readonly mode: RunMode;
  readonly progress: Progress;
  readonly onAction: (action: SyncAction) => void;
  readonly assertRunning: () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Copies the tags of repositories. */
export interface RepositorySync {
  /**
   * Copies what is new. Reports what fails and goes on, unless everything else would fail too: then it rejects. Returns tags
   * that were copied before and that the source does not list any more; none if it lists no tag at all.
   */
  sync(pair: RepositoryPair): Promise<readonly SyncTagRecord[]>;
}

const pageSize = 1000;

export function createRepositorySync(options: RepositorySyncOptions): RepositorySync {
  const { entry, source, target, metadata, images, mode, progress, onAction, assertRunning, now } = options;

  async function remember(pair: RepositoryPair, record: SyncTagRecord, known: SyncTagRecord | undefined): Promise<void> {
    if (!mode.isDryRun && isNews(record, known)) await metadata.syncTags.put(entry.name, pair.to, record);
  }

  /** Returns the digests that the tag brings along: the manifest and, if it was looked into, its children. */
  async function syncTag(pair: RepositoryPair, tag: string, known: SyncTagRecord | undefined): Promise<readonly Digest[]> {
    assertRunning();
    const sourceDigest = await source.findTag(pair.from, tag);
    if (sourceDigest === undefined) return [];
    const situation: TagSituation = { source: sourceDigest, target: await target.findTag(pair.to, tag), known, now: now() };
    const verdict = await settle(pair, situation);
    if (verdict === 'equal') return keepEqual(pair, tag, situation);
    if (verdict === 'copy') return copyTag(pair, tag, situation);
    progress.tagKept();
    const reason = situation.target === undefined ? 'it was deleted at the target' : 'the target has another image, which stays';
    onAction({ action: 'keep', repository: pair.to, reference: tag, digest: situation.target, reason });
    await remember(pair, recordOf(tag, situation, situation.target), known);
    return [];
  }

  async function settle(pair: RepositoryPair, situation: TagSituation): Promise<'equal' | 'copy' | 'keep'> {
    const verdict = decideTag(situation);
    if (verdict !== 'compare' || situation.target === undefined) return verdict === 'compare' ? 'copy' : verdict;
    const sourceImage = { side: source, repository: pair.from, digest: situation.source };
    const targetImage = { side: target, repository: pair.to, digest: situation.target };
    return (await isNewer(sourceImage, targetImage)) ? 'copy' : 'keep';
  }

  async function keepEqual(pair: RepositoryPair, tag: string, situation: TagSituation): Promise<readonly Digest[]> {
    const digest = situation.source;
    if (mode.isDryRun || mode.tagsOnly) return [digest];
    const isChecked = situation.known?.source === digest && !mode.isFull;
    const family = isChecked ? [digest] : (await images.copy(pair, digest)).family;
    await images.copyReferrers(pair, family);
    await remember(pair, recordOf(tag, situation, digest), situation.known);
    return family;
  }

  async function copyTag(pair: RepositoryPair, tag: string, situation: TagSituation): Promise<readonly Digest[]> {
    const digest = situation.source;
    await target.checkTag(pair.to, tag);
    onAction({ action: 'copy', repository: pair.to, reference: tag, digest, reason: 'the source has moved it' });
    if (mode.isDryRun) return [digest];
    if (mode.tagsOnly && !(await target.hasManifest(pair.to, digest)))
      throw new Error(`the target does not have ${digest}, and --tags-only copies nothing`);
    const { content, optional, family } = mode.tagsOnly
      ? { content: await source.manifest(pair.from, digest), optional: [], family: [digest] }
      : await images.copy(pair, digest);
    if (!mode.tagsOnly) await images.copyReferrers(pair, family);
    assertRunning();
    // A client may have moved it meanwhile: the next run decides anew.
    if ((await target.findTag(pair.to, tag)) !== situation.target)
      throw new Error('it was moved at the target while it was copied; the next run decides');
    await target.putTag(pair.to, tag, content, optional);
    await metadata.syncTags.put(entry.name, pair.to, { tag, source: digest, target: digest, differsSince: null });
    progress.tagCopied();
    return family;
  }

  async function attempt(pair: RepositoryPair, tag: string, known: SyncTagRecord | undefined): Promise<readonly Digest[]> {
    progress.tagSeen();
    try {
      return await syncTag(pair, tag, known);
    } catch (error) {
      if (isStopping(error)) throw error;
      onAction({ action: 'fail', repository: pair.to, reference: tag, digest: undefined, reason: reasonOf(error) });
      return [];
    }
  }

  async function readRecords(repository: RepositoryName): Promise<ReadonlyMap<string, SyncTagRecord>> {
    const records: SyncTagRecord[] = [];
    for (;;) {
      const page = await metadata.syncTags.list(entry.name, repository, records.at(-1)?.tag ?? '', pageSize);
      records.push(...page);
      if (page.length < pageSize) return new Map(records.map((record) => [record.tag, record]));
    }
  }

  return {
    async sync(pair) {
      progress.repositoryBegun();
      const listed = await listTags(source, pair.from);
      const records = await readRecords(pair.to);
      const digests = new Set<Digest>();
      for (const tag of selectTags(listed, entry.tags))
        for (const digest of await attempt(pair, tag, records.get(tag))) digests.add(digest);
      if (entry.withReferrers) {
        const followers = new Set([...digests].flatMap(subjectTags));
        for (const tag of listed) if (isSubjectTag(tag) && followers.has(tag)) await attempt(pair, tag, records.get(tag));
      }
      if (listed.length === 0) return [];
      const there = new Set(listed);
      return [...records.values()].filter(({ tag, target: digest }) => digest !== null && !there.has(tag));
    },
  };
}

/** A registry may list a repository without tags and answer 404 for its tags. */
async function listTags(source: Source, repository: RepositoryName): Promise<readonly string[]> {
  try {
    return await source.listTags(repository);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
