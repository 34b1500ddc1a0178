import { OciError } from '../../../../oci/errors.ts';
import { parsePlatform } from '../../../../oci/platform.ts';
import { sendArchive } from '../../../archives/send-archive.ts';
import { html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { redirect } from '../../shell/redirect.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { nameOf, platformOf, urlOf } from './image-url.ts';

/** Sends the image as a tar file for `docker load`; of an index the image of `?platform=`, or all of them. */
export async function downloadImage(visit: ImageVisit): Promise<void> {
  const { services, request, response, repository, reference, visitor } = visit;
  const { exports, pulls } = services;
  try {
    const download = { exports, pulls, request, response, account: visitor.name };
    await sendArchive(download, [{ repository, reference }], { platform: platformOf(visit) });
  } catch (error) {
    if (response.headersSent || !canBeFetched(error)) throw error;
    offerFetch(visit);
  }
}

/** True if the image has content at an upstream only. */
function canBeFetched(error: unknown): boolean {
  const detail = error instanceof OciError ? error.entries[0]?.detail : undefined;
  return typeof detail === 'object' && detail !== null && 'action' in detail && detail.action === 'fetch';
}

function offerFetch(visit: ImageVisit): void {
  const { response, repository, reference, visitor, query, texts } = visit;
  const name = nameOf(repository, reference);
  for (const header of ['Accept-Ranges', 'ETag', 'Content-Disposition']) response.removeHeader(header);
  const content = html`<p><a href="/ui/r/${repository}">${repository}</a></p>
    <section class="panel" role="alert">
      <h2>${texts.download.notCached}</h2>
      <p>${texts.download.notCachedHelp}</p>
      <form method="post" action="${urlOf(visit, '/-/fetch')}">
        <input type="hidden" name="platform" value="${query.get('platform') ?? ''}" />
        <button class="primary">${texts.download.fetch}</button>
      </form>
    </section>`;
  sendPage(response, 409, { title: name, user: visitor.name, current: 'repositories', content });
}

/** Begins to fetch the image from its upstream, and leads to the progress. */
export async function fetchImage({ services, repository, reference, visitor, form, response }: ImageVisit): Promise<void> {
  const platform = parsePlatform(form.get('platform') ?? '');
  const job = await services.fetches.begin({ repository, reference }, platform, visitor.id);
  redirect(response, `/ui/jobs/${job}`);
}
