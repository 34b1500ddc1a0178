import type { SingleImage } from '../../../../images/description/describe-image.ts';
import type { BuildStep } from '../../../../images/description/image-config.ts';
import type { Descriptor } from '../../../../oci/descriptor.ts';
import { digestCode } from '../../parts/digest.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';

/** A step of the build, or a layer of which no step is known. */
interface Row {
  readonly step: string | undefined;
  readonly layer: Descriptor | undefined;
}

/** Shows the steps of the build, each with the size of its layer as a bar. */
export function layerTable(texts: Texts, { config, layers }: SingleImage): Html {
  const { step, size, part, noLayer, layer: layerName, layersCaption } = texts.image;
  const total = layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let number = 0;
  const rows = rowsOf(config?.steps ?? [], layers).map(({ step: text, layer }) => {
    if (layer) number += 1;
    return {
      heading: html`<code class="step">${text ?? layerName(number)}</code>`,
      cells: layer
        ? [digestCode(layer.digest), byteSize(layer.sizeBytes), bar(layer.sizeBytes, total, layerName(number))]
        : [html`<span class="quiet">${noLayer}</span>`, '', ''],
    };
  });
  return table(layersCaption, [step, texts.tags.digest, size, part], rows);
}

/** Steps that made a layer and layers have the same order. Where their numbers differ, no step is shown. */
function rowsOf(steps: readonly BuildStep[], layers: readonly Descriptor[]): readonly Row[] {
  if (steps.filter(({ isEmpty }) => !isEmpty).length !== layers.length) {
    return layers.map((layer) => ({ step: undefined, layer }));
  }
  const left = [...layers];
  return steps.map(({ instruction, isEmpty }) => ({ step: instruction, layer: isEmpty ? undefined : left.shift() }));
}

function bar(bytes: number, total: number, name: string): Html {
  return html`<meter aria-label="${name}" min="0" max="${Math.max(1, total)}" value="${bytes}"></meter>`;
}
