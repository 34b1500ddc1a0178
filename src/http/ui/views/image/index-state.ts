import type { LookedAtImage } from '../../../../images/view/image-opener.ts';
import { type Html, html } from '../../shell/html.ts';
import { localPath, pathOf } from '../../shell/local-path.ts';
import { redirect } from '../../shell/redirect.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { platformOf, urlOf } from './image-url.ts';

/** Seconds that the form waits for a small image, so that the visitor need not ask again. */
const waitSeconds = 2;

/** Finds the image of the visit, and its index if there is one. Rejects `ImageError`. */
export async function lookAt(visit: ImageVisit): Promise<LookedAtImage> {
  const images = await visit.services.images();
  return images.look({ repository: visit.repository, reference: visit.reference, platform: platformOf(visit) });
}

/** The image of a panel, and the view that shows it. */
type IndexPlace = Pick<ImageVisit, 'texts' | 'request' | 'repository' | 'reference'>;

/** Shows why the contents of an image cannot be shown, and how the visitor gets them. */
export function indexPanel(visit: IndexPlace, { status, image, indexedLayers }: LookedAtImage): Html {
  const { contents } = visit.texts;
  switch (status.state) {
    case 'absent':
      return html`<section class="panel">
        <h2>${contents.absent}</h2>
        <p>${contents.absentHelp}</p>
        <form method="post" action="${urlOf(visit, '/-/index')}">
          <input type="hidden" name="platform" value="${image.platform ?? ''}" />
          <input type="hidden" name="next" value="${pathOf(visit.request)}" />
          <button>${contents.index}</button>
        </form>
      </section>`;
    case 'building':
      return html`<section class="panel" data-pending="" role="status">
        <h2>${contents.building}</h2>
        <p>${contents.layersRead(indexedLayers, image.layers.length)}</p>
        <progress aria-label="${contents.building}" max="${image.layers.length + 1}" value="${indexedLayers}"></progress>
        <p><a class="button" href="${pathOf(visit.request)}">${contents.showAgain}</a></p>
      </section>`;
    case 'missing':
      return html`<section class="panel">
        <h2>${contents.missing}</h2>
        <p>${contents.missingHelp}</p>
      </section>`;
    case 'off':
      return html`<section class="panel"><h2>${contents.off}</h2></section>`;
    case 'failed':
    case 'ready':
      return html`<section class="panel wrong">
        <h2>${contents.failed}</h2>
        <p>${status.limit === null ? contents.failedForNow : contents.limits[status.limit]}</p>
        <p class="quiet">${status.message}</p>
      </section>`;
  }
}

/** Says how many layers the contents of an image lack, because clients get them elsewhere. */
export function foreignNote({ texts }: Pick<ImageVisit, 'texts'>, { foreignLayers }: LookedAtImage['image']): Html | undefined {
  return foreignLayers === 0 ? undefined : html`<p class="note">${texts.contents.foreign(foreignLayers)}</p>`;
}

/** Has the image indexed, and leads back to the view that asked for it. Rejects `ImageError`. */
export async function indexImage(visit: ImageVisit): Promise<void> {
  const { services, repository, reference, form, response } = visit;
  const images = await services.images();
  await images.open({ repository, reference, platform: platformOf({ query: form }) }, waitSeconds);
  redirect(response, localPath(form.get('next')));
}
