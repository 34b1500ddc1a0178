import type { Request, Response, Router } from 'express';
import { authorize } from '../../../../access/permissions/authorize.ts';
import type { Principal } from '../../../../access/permissions/principal.ts';
import { OciError } from '../../../../oci/errors.ts';
import { parsePattern } from '../../../../oci/patterns/repository-pattern.ts';
import type { Author } from '../../../../registry/author.ts';
import type { ApiServices } from '../../../api/table/route.ts';
import type { StorageView } from '../../../overviews/storage-view.ts';
import type { PublicUrl } from '../../../server/public-url.ts';
import { noticeBox } from '../../parts/notice.ts';
import { formatBytes } from '../../parts/size.ts';
import { type AsVisitor, queryOf } from '../../session/visitors.ts';
import { formOf } from '../../shell/form.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Notice, Notices } from '../../shell/notice.ts';
import { sendPage } from '../../shell/page.ts';
import { preferencesOf, textsOf } from '../../shell/preferences.ts';
import { redirect } from '../../shell/redirect.ts';
import { collectionSection } from './collection.ts';
import { type Reader, healthSection, quotasSection, usesSection } from './figures.ts';
import { retentionContent } from './retention.ts';
import { trashContent } from './trash.ts';
import { treeSection } from './tree.ts';

export interface StorageOptions {
  readonly storage: StorageView;
  readonly services: Pick<ApiServices, 'collection' | 'mode' | 'retention'>;
  readonly publicUrl: PublicUrl;
  readonly notices: Notices;
  readonly asVisitor: AsVisitor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Adds `/ui/storage` with the preview of retention and garbage collection, and `/ui/trash`, the trash of all repositories. */
export function addStorage(router: Router, options: StorageOptions): void {
  const { storage, publicUrl, notices, asVisitor, now } = options;
  const readerOf = (request: Request): Reader => {
    return { texts: textsOf(request), language: preferencesOf(request).language, now: now() };
  };

  router.get(
    '/storage',
    asVisitor(async (visitor, request, response) => {
      const reader = readerOf(request);
      const content = await storageContent(options, visitor, reader, queryOf(request).get('at') ?? '');
      show(visitor, response, reader.texts.storage.title, html`${noticeBox(notices.take(request, response))} ${content}`);
    }),
  );
  router.post(
    '/storage/collection',
    asVisitor(async (visitor, request, response) => {
      if (!mayAdminister(visitor)) throw new OciError('DENIED');
      const author = { actor: visitor.name, address: publicUrl.clientAddress(request) };
      const notice = await collect(options, textsOf(request), formOf(request).get('action') ?? '', author);
      notices.leave(request, response, notice, textsOf(request).notice.more);
      redirect(response, '/ui/storage');
    }),
  );
  router.get(
    '/storage/retention',
    asVisitor(async (visitor, request, response) => {
      const reader = readerOf(request);
      const content = await previewContent(options, visitor, reader, queryOf(request));
      show(visitor, response, reader.texts.storage.retention.title, content);
    }),
  );
  router.get(
    '/trash',
    asVisitor(async (visitor, request, response) => {
      const reader = readerOf(request);
      const content = await trashContent(reader, storage, visitor, queryOf(request));
      show(visitor, response, reader.texts.allTrash.title, html`${noticeBox(notices.take(request, response))} ${content}`);
    }),
  );
}

function show(visitor: Principal, response: Response, title: string, content: Html): void {
  sendPage(response, 200, { title, user: visitor.name, current: 'storage', content });
}

const mayAdminister = (visitor: Principal) => authorize(visitor, { action: 'administer' }) === 'allow';

async function storageContent({ storage }: StorageOptions, visitor: Principal, reader: Reader, at: string): Promise<Html> {
  const summary = storage.seesAll(visitor) ? await storage.summary() : undefined;
  const tree = treeSection(reader.texts, await storage.tree(visitor, at));
  const quotas = quotasSection(reader, await storage.quotas(visitor));
  const { retention } = reader.texts.storage;
  return html`${summary && usesSection(reader, summary)} ${tree} ${quotas}
    <p class="actions">
      <a class="button" href="/ui/storage/retention">${retention.link}</a>
      <a class="button" href="/ui/trash">${reader.texts.allTrash.title}</a>
    </p>
    ${summary && collectionSection(reader, summary, mayAdminister(visitor))} ${summary && healthSection(reader, summary)}`;
}

const runSeconds = 10;

/** Does what a button of garbage collection asks for. */
async function collect(
  { services: { collection, mode } }: StorageOptions,
  { storage }: Reader['texts'],
  action: string,
  author: Author,
): Promise<Notice> {
  const names = storage.collection;
  if (action === 'pause') {
    await collection.pause(author);
    return { kind: 'done', lines: [names.isPaused] };
  }
  if (action === 'resume') {
    await collection.resume(author);
    return { kind: 'done', lines: [names.isResumed] };
  }
  if (action !== 'run') throw new OciError('UNSUPPORTED', { status: 400, message: 'action must be run, pause or resume' });
  await mode.assertWritable();
  try {
    const { purgedBlobs, purgedBytes, due } = await collection.run({ retries: false, seconds: runSeconds });
    const lines = [names.ran(purgedBlobs, formatBytes(purgedBytes)), ...(due > 0 ? [names.stillDue(due)] : [])];
    return { kind: 'done', lines };
  } catch (error) {
    if (error instanceof OciError && error.status === 409) return { kind: 'wrong', lines: [error.message] };
    throw error;
  }
}

/** The form of the preview, and the decisions about the repositories that the visitor may administer. */
async function previewContent(
  { storage, services: { retention } }: StorageOptions,
  visitor: Principal,
  reader: Reader,
  query: URLSearchParams,
): Promise<Html> {
  const names = reader.texts.storage.retention;
  const asked = (query.get('repositories') ?? '').slice(0, 255);
  const pattern = asked === '' ? undefined : parsePattern(asked);
  const form = html`<p>${names.help}</p>
    <form class="filter" method="get" action="/ui/storage/retention">
      <label>${names.repositories} <input name="repositories" value="${asked}" maxlength="255" /></label>
      <button>${names.show}</button>
    </form>`;
  if (asked !== '' && !pattern)
    return html`${form}
      <p class="wrong" role="alert">${names.wrong(asked)}</p>`;
  const isAllowed = storage.seesAll(visitor) || (pattern && authorize(visitor, { action: 'manage', pattern }) === 'allow');
  if (isAllowed) return html`${form} ${await retentionContent(reader, retention, pattern, query)}`;
  if (pattern) throw new OciError('DENIED');
  return form;
}
