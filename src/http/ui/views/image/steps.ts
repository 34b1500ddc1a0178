import type { BuildStep } from '../../../../images/description/build-steps.ts';
import type { SingleImage } from '../../../../images/description/describe-image.ts';
import type { LayerShare } from '../../../../images/index/image-head.ts';
import type { Total } from '../../../../catalog/paging.ts';
import type { Descriptor } from '../../../../oci/descriptor.ts';
import type { Digest } from '../../../../oci/digest.ts';
import { digestCode } from '../../parts/digest.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { queryWith, urlOf } from './image-url.ts';

/** A step of the build, or a layer of which no step is known. */
interface Row {
  readonly step: string | undefined;
  readonly layer: Descriptor | undefined;
}

/** What is known of layers besides their size. */
interface LayerFacts {
  /** What each layer adds to the image, if it is indexed. */
  readonly shares: readonly LayerShare[] | undefined;
  /** How many tags that the visitor may pull have each layer. */
  readonly shared: ReadonlyMap<Digest, Total>;
}

/** Shows the steps of the build, each with the size of its layer as a bar, who shares it, and a link to its files. */
export function stepTable(visit: ImageVisit, { config, layers }: SingleImage, { shares, shared }: LayerFacts): Html {
  const { texts } = visit;
  const { step, size, noLayer, layer: layerName, layersCaption } = texts.image;
  const total = layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let number = 0;
  const rows = rowsOf(config?.steps ?? [], layers).map(({ step: text, layer }) => {
    const heading = html`<code class="step">${text ?? layerName(number + 1)}</code>`;
    if (!layer) return { heading, cells: [html`<span class="quiet">${noLayer}</span>`, '', ''] };
    const share = shares?.[number];
    const href = `${urlOf(visit, '/-/files')}${queryWith(visit, { layer: String(number) })}`;
    const files = html`${digestCode(layer.digest)}
      <a href="${href}" aria-label="${texts.waste.filesOf(number + 1)}">${texts.image.files}</a>`;
    number += 1;
    const size = html`${sizeCell(layer, total, layerName(number))} ${sharedNote(visit, shared.get(layer.digest))}`;
    return { heading, cells: [size, share && wasteCell(share), files] };
  });
  return table(layersCaption, [step, size, texts.waste.wasted, texts.image.layerColumn], rows);
}

/** Steps that made a layer and layers have the same order. Where their numbers differ, no step is shown. */
function rowsOf(steps: readonly BuildStep[], layers: readonly Descriptor[]): readonly Row[] {
  if (steps.filter(({ isEmpty }) => !isEmpty).length !== layers.length) {
    return layers.map((layer) => ({ step: undefined, layer }));
  }
  const left = [...layers];
  return steps.map(({ instruction, isEmpty }) => ({ step: instruction, layer: isEmpty ? undefined : left.shift() }));
}

function sizeCell({ sizeBytes }: Descriptor, total: number, name: string): Html {
  return html`<meter aria-label="${name}" min="0" max="${Math.max(1, total)}" value="${sizeBytes}"></meter>
    ${byteSize(sizeBytes)}`;
}

/** Says how many tags have the layer, if there are others than that of the image. */
function sharedNote({ texts }: ImageVisit, tags: Total | undefined): Html | undefined {
  if (!tags || tags.count < 2) return undefined;
  return html`<span class="quiet">${texts.image.sharedBy(tags.count, tags.isExact)}</span>`;
}

function wasteCell({ hiddenBytes, totalBytes }: LayerShare): Html | undefined {
  if (hiddenBytes === 0) return undefined;
  const percent = Math.round((100 * hiddenBytes) / totalBytes);
  return html`${byteSize(hiddenBytes)} <span class="quiet">(${percent} %)</span>`;
}
