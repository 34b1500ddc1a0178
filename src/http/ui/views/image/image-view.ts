import { type Html, html } from '../../shell/html.ts';
import { sendPage } from '../../shell/page.ts';
import { type ImageVisit, noticeOf } from '../repository/repository-view.ts';
import { nameOf, queryWith, urlOf } from './image-url.ts';

/** The views of an image, in the order of their links, with what follows `/ui/r/REFERENCE`. */
export const imageViews = { overview: '', files: '/-/files', packages: '/-/packages', referrers: '/-/referrers' } as const;
export type ImageViewName = keyof typeof imageViews;

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
