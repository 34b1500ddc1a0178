import { parsePlatform } from '../../../../oci/platform.ts';
import type { Reference } from '../../../../oci/reference.ts';
import { type Html, html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { type ImageVisit, noticeOf } from '../repository/repository-view.ts';

/** The views of an image, in the order of their links, with what follows `/ui/r/REFERENCE`. */
export const imageViews = { overview: '', files: '/-/files', packages: '/-/packages', referrers: '/-/referrers' } as const;
export type ImageViewName = keyof typeof imageViews;

/** Returns a reference as people write it, without the host. */
export function nameOf(repository: string, { tag, digest }: Reference): string {
  return tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
}

/** Returns the address of an image and what follows it. */
export function urlOf({ repository, reference }: Pick<ImageVisit, 'repository' | 'reference'>, rest = ''): string {
  return `/ui/r/${nameOf(repository, reference)}${rest}`;
}

/** Returns the platform of an index that the visitor has chosen; undefined for none. */
export function platformOf({ query }: Pick<ImageVisit, 'query'>) {
  return parsePlatform(query.get('platform') ?? '');
}

/** Returns a query (with `?`) of the given fields and of the platform that the visitor has chosen; '' for an empty one. */
export function queryWith(
  { query }: Pick<ImageVisit, 'query'>,
  fields: Readonly<Record<string, string | undefined>> = {},
): string {
  return queryText({ platform: query.get('platform'), ...fields });
}

/** Returns a query (with `?`) of the fields that have a value; '' for an empty one. */
export function queryText(fields: Readonly<Record<string, string | null | undefined>>): string {
  let text = '';
  for (const name in fields) {
    const value = fields[name] ?? '';
    if (value !== '') text += `${text === '' ? '?' : '&'}${name}=${encode(value)}`;
  }
  return text;
}

/** Encodes a value for a query: slashes, which paths are full of, need not be encoded. */
function encode(value: string): string {
  return needsNoEncoding.test(value) ? value : encoded(value);
}

/** Nearly all paths are of such characters, and finding that out is cheap. */
const needsNoEncoding = /^[\w./~-]*$/;

function encoded(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replaceAll('%2F', '/');
}

/** `views`: those that the image has; default: all. */
export function sendImageView(
  visit: ImageVisit,
  view: ImageViewName,
  content: Html,
  { status = 200, views = Object.keys(imageViews) as readonly ImageViewName[] } = {},
): void {
  const { response, repository, reference, visitor } = visit;
  const page = html`<p><a href="/ui/r/${repository}">${repository}</a></p>
    ${links(visit, view, views)} ${noticeOf(visit)} ${content}`;
  sendPage(response, status, {
    title: nameOf(repository, reference),
    user: visitor.name,
    current: 'repositories',
    content: page,
  });
}

function links(visit: ImageVisit, current: ImageViewName, views: readonly ImageViewName[]): Html {
  const { contents } = visit.texts;
  return html`<nav class="tabs" aria-label="${contents.views}">
    ${views.map(
      (view) =>
        html`<a
          href="${urlOf(visit, imageViews[view])}${queryWith(visit)}"
          ${view === current ? html`aria-current="page"` : undefined}
        >
          ${contents.viewNames[view]}
        </a>`,
    )}
  </nav>`;
}

/** Shows a choice of the platforms of an index, for a form; nothing for an image of one platform. */
export function platformChoice(
  { texts }: Pick<ImageVisit, 'texts'>,
  platforms: readonly string[],
  chosen: string | undefined,
): Html | undefined {
  if (platforms.length < 2) return undefined;
  return html`<label>
    ${texts.image.platform}
    <select name="platform">
      ${platforms.map(
        (platform) => html`<option value="${platform}" ${platform === chosen ? html`selected` : undefined}>${platform}</option>`,
      )}
    </select>
  </label>`;
}
