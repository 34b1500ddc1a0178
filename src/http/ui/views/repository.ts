import type { Router } from 'express';
import { kindOfManifest } from '../../../oci/media-types.ts';
import { OciError } from '../../../oci/errors.ts';
import { type RepositoryName, parseRepositoryName } from '../../../oci/reference.ts';
import type { Listings, TagRecord } from '../../../registry/listings.ts';
import type { AccessControl } from '../../auth/access-control.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import { pullFields, pushFields } from '../parts/commands.ts';
import { paging } from '../parts/paging.ts';
import { table } from '../parts/table.ts';
import { relativeTime } from '../parts/time.ts';
import { type AsVisitor, queryOf } from '../session/visitors.ts';
import { type Html, html } from '../shell/html.ts';
import { sendPage } from '../shell/page.ts';
import { preferencesOf, textsOf } from '../shell/preferences.ts';
import { redirect } from '../shell/redirect.ts';
import type { Texts } from '../texts/english.ts';
import type { Language } from '../texts/languages.ts';

const pageSize = 50;

export interface RepositoryOptions {
  readonly listings: Pick<Listings, 'tagRecords'>;
  readonly access: Pick<AccessControl, 'allows'>;
  readonly publicUrl: PublicUrl;
  readonly asVisitor: AsVisitor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Adds `/ui/r/NAME`, the tags of a repository. A repository that the visitor may not pull looks as if it did not exist. */
export function addRepository(router: Router, { listings, access, publicUrl, asVisitor, now }: RepositoryOptions): void {
  router.get(
    '/r/*name',
    asVisitor(async (visitor, request, response) => {
      const repository = parseRepositoryName([request.params['name'] ?? ''].flat().join('/'));
      if (!repository || !(await access.allows(visitor, 'pull', repository))) throw new OciError('NAME_UNKNOWN');
      const query = queryOf(request);
      const { items, more } = await listings.tagRecords(repository, (query.get('after') ?? '').slice(0, 255), pageSize);
      const texts = textsOf(request);
      const reference = `${new URL(publicUrl.base(request)).host}/${repository}`;
      const canPush = await access.allows(visitor, 'push', repository);
      const content = html`${items.length > 0 ? html`<h2>${texts.tags.pull}</h2>` : undefined}
      ${items[0] && pullFields(texts, `${reference}:${items[0].name}`)}
      ${items.length > 0 ? tagTable(texts, preferencesOf(request).language, repository, items, now()) : html`<p>${texts.tags.none}</p>`}
      ${paging(texts, query, more ? items.at(-1)?.name : undefined)}
      ${
        canPush
          ? html`<h2>${texts.tags.push}</h2>
              ${pushFields(`${reference}:TAG`)}`
          : undefined
      }`;
      sendPage(response, 200, { title: repository, user: visitor.name, current: 'repositories', content });
    }),
  );
  // The address of earlier versions.
  router.get('/repositories/*name', (request, response) => {
    redirect(response, `/ui/r/${request.params.name.map(encodeURIComponent).join('/')}`);
  });
}

function tagTable(texts: Texts, language: Language, repository: RepositoryName, tags: readonly TagRecord[], now: number): Html {
  const { tag, digest, kind, pushed, pulled, neverPulled, kinds, caption } = texts.tags;
  const rows = tags.map((record) => ({
    heading: record.name,
    cells: [
      html`<code title="${record.digest}">${shortDigest(record.digest)}</code>`,
      html`<span class="chip">${kinds[kindOfManifest(record.mediaType, record.artifactType)]}</span>`,
      relativeTime(record.updatedAt, now, language),
      record.pulledAt === null ? html`<span class="quiet">${neverPulled}</span>` : relativeTime(record.pulledAt, now, language),
    ],
  }));
  return table(caption(repository), [tag, digest, kind, pushed, pulled], rows);
}

/** The first characters of a digest, enough to recognise it. */
function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
