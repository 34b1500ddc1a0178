import { type Digest, parseDigest } from '../../oci/digest.ts';
import { parseTag, type RepositoryName } from '../../oci/reference.ts';
import { subjectTags } from '../../oci/subject-tags.ts';
import { type UpstreamResponse, readWhole } from '../../upstream/transport.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { Source } from './entry.ts';
import { linkOf } from './names/link.ts';
import { type RemoteOptions, type RemoteRequests, createRemoteRequests, isNotFound } from './remote-requests.ts';

export interface RemoteSourceOptions extends Omit<RemoteOptions, 'actions'> {
  /** Lists the repositories of the registry that the entry is for, all of them. */
  readonly listNames: () => Promise<readonly RepositoryName[]>;
}

const largestListingBytes = 16 * 1024 * 1024;
/** A registry that gives a next page for ever must not hold a run for ever. */
const maxPages = 10_000;
const tagsAtOnce = 1000;

/** Creates a source that reads another registry. Rejects with `UpstreamError`. */
export function createRemoteSource(options: RemoteSourceOptions): Source {
  const requests = createRemoteRequests({ ...options, actions: 'pull' });
  /** Repositories whose registry has no referrers API: it is not asked again and again. */
  const withoutReferrers = new Set<RepositoryName>();

  async function askReferrers(repository: RepositoryName, subject: Digest): Promise<readonly unknown[] | undefined> {
    if (withoutReferrers.has(repository)) return undefined;
    try {
      return await readPages(requests, repository, `referrers/${subject}`, 'manifests');
    } catch (error) {
      if (!isWithoutApi(error)) throw error;
      withoutReferrers.add(repository);
      return undefined;
    }
  }

  /** Reads the tag that lists referrers where the registry does not (distribution-spec, "Referrers Tag Schema"). */
  async function readReferrersTag(repository: RepositoryName, subject: Digest): Promise<readonly unknown[]> {
    const [tag = ''] = subjectTags(subject);
    try {
      const { bytes } = await requests.fetchManifest(repository, tag);
      return listIn(bytes, 'manifests');
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }

  return {
    ...requests,
    listRepositories: options.listNames,
    async listTags(repository) {
      const items = await readPages(requests, repository, `tags/list?n=${tagsAtOnce}`, 'tags');
      return items.filter((tag): tag is string => typeof tag === 'string' && parseTag(tag) !== undefined);
    },
    async listReferrers(repository, subject) {
      const items = (await askReferrers(repository, subject)) ?? (await readReferrersTag(repository, subject));
      return items.flatMap((item) => {
        const text = (item as { readonly digest?: unknown } | null)?.digest;
        return (typeof text === 'string' ? parseDigest(text) : undefined) ?? [];
      });
    },
  };
}

/** Reads all pages of a listing. Rejects unless every page is there: an incomplete listing would look like deletions. */
async function readPages(
  requests: RemoteRequests,
  repository: RepositoryName,
  path: string,
  field: string,
): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  let url: URL | undefined;
  for (let page = 0; page < maxPages; page++) {
    const response: UpstreamResponse = await requests.send(repository, { method: 'GET', path, url });
    const { headers } = response;
    items.push(...listIn(await readWhole(response, largestListingBytes), field));
    const next = linkOf(headers['link'], requests.addressOf(repository, path));
    if (!next) return items;
    if (next.href === url?.href) break;
    url = next;
  }
  throw new UpstreamError('bad_content', `the listing of ${repository} does not end`);
}

function listIn(bytes: Buffer, field: string): readonly unknown[] {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString());
  } catch (error) {
    throw new UpstreamError('bad_content', 'the registry sent no JSON', { cause: error });
  }
  const list = (document as Readonly<Record<string, unknown>> | null)?.[field];
  // Distribution sends null for a repository without tags.
  if (list === null || list === undefined) return [];
  if (!Array.isArray(list)) throw new UpstreamError('bad_content', `the registry sent no list of ${field}`);
  return list as readonly unknown[];
}

function isWithoutApi(error: unknown): boolean {
  return isNotFound(error) || (error instanceof UpstreamError && (error.status === 405 || error.status === 400));
}
