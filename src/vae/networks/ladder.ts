/** A ladder of latents: layers of latent maps, each drawn given those above it. Sønderby et al. (2016). */

import { activation } from '../../nn/activations.ts';
import { convolution, transposedConvolution } from '../../nn/convolution.ts';
import type { ImageShape } from '../../nn/images.ts';
import { type Layer, type LayerBuilder, type Mode, printModule, sequential } from '../../nn/layer.ts';
import { atZero, scaledBy } from '../../nn/parameter.ts';
import { flatten, unflatten } from '../../nn/reshaping.ts';
import type { Pair } from '../../tensor/primitives.ts';
import { sizeOf } from '../../tensor/shape.ts';
import { concat, type Tensor } from '../../tensor/tensor.ts';
import { type Normal, scaleParametrisations } from '../distributions/normal.ts';
import { halfOf, halvingPadding, type LatentMap, mapShape } from '../latent-map.ts';
import type { Posterior } from '../posteriors/posterior.ts';
import { channelsTo, type Level, levelsOf, lightBlocks } from './levels.ts';
import { type Body, type Hierarchy, type HierarchyConfig, MAP_WIDTH, oneActivation, type Part } from './network.ts';

/**
 * The image goes up once: a convolution that halves its sides for each level, and residual blocks where there are layers,
 * give features h.
 * Everything else goes down, from the top layer of latents to the image, and is shared by the posterior and the model:
 *   p(z_l | z_>l)    = N(μ_p(d), σ_p²(d)),   d: what has come down so far,
 *   q(z_l | z_>l, x) = N(μ_p + σ_p m, (σ_p s)²)  with m, s of d + h,
 *   d ← blocks(d + W z_l), and at the end of a level its sides are doubled.
 * The latents of the model are u_l = (z_l − μ_p) / σ_p. Of them the prior is N(0, I), whatever is above, and the posterior
 * N(m, s²), which leaves every KL as it was: Vahdat & Kautz (2020), section 3.2. So draws, walks through the latent space
 * and exports need to know nothing of the layers. A learnt prior of the top layer would only be another W there.
 */
export const ladderNetwork: Hierarchy = {
  uses: ['channels', 'blocks', 'layers', 'dropout', 'gated'],
  defaults: { hidden: [], activation: ['silu'], initializer: 'he', blocks: 1, latent: '3x3x16' },
  pixelBias: false,
  latents: 'map',
  conflict: oneActivation,
  create: (imageShape, planes, config) => {
    const levels = levelsFor(imageShape, config);
    return ladder(climbOf(imageShape, levels, config), descentOf(levels, planes, config), config);
  },
};

/** The way up. */
interface Climb extends Part {
  /** x [B, D] to the features of each level, the one next to the pixels first: [B, C, H, W]. */
  features(x: Tensor, mode: Mode): Tensor[];
  /** For each layer: d + h → m and the raw scale, [N, 2C, H, W]. */
  readonly posteriors: readonly Layer[];
}

/** The way down: a rung for each layer, the top one first. */
interface Descent extends Part {
  readonly rungs: readonly Rung[];
  /** d → what the likelihood reads: [N, C′·H·W]. */
  readonly last: Layer;
}

interface Rung {
  /** Which of the levels it belongs to. */
  readonly level: number;
  /** [C, H, W] of its latents. */
  readonly shape: ImageShape;
  /** d → μ_p and the raw σ_p; none at the top, where they depend on nothing. */
  readonly prior: Layer | undefined;
  /** z → W z */
  readonly widen: Layer;
  /** d + W z → d for the layer below. */
  readonly below: Layer;
}

/** What has been computed from the top layer to the image. */
interface Way {
  /** u of each layer, [N, C, H, W]. */
  readonly latents: readonly Tensor[];
  /** q(u_l | u_>l, x) of each layer; none where there is no image. */
  readonly posteriors: readonly Normal[];
  /** What the likelihood reads: [N, C′·H·W]. */
  readonly outputs: Tensor;
}

/** A layer's latents: a draw from its posterior, the centre of it, or what is given. */
type Choose = (layer: number, posterior: Normal | undefined) => Tensor;

function ladder(climb: Climb, { rungs, last, ...decoder }: Descent, { scale }: HierarchyConfig): Body {
  const read = (outputs: Tensor): Normal => {
    const [mean, raw] = outputs.split(2, -3);
    return scaleParametrisations[scale](mean, raw);
  };
  const shapes = rungs.map(({ shape }) => shape);
  const layers = shapes.map(sizeOf);

  function descend(features: readonly Tensor[] | undefined, choose: Choose, mode: Mode): Way {
    const latents: Tensor[] = [];
    const posteriors: Normal[] = [];
    let down: Tensor | undefined; // d
    rungs.forEach(({ level, prior, widen, below }, layer) => {
      if (features !== undefined) {
        const seen = down === undefined ? features[level] : down.add(features[level]);
        posteriors.push(read(climb.posteriors[layer].apply(seen, mode)));
      }
      const u = choose(layer, posteriors[layer]);
      latents.push(u);
      const z = down === undefined || prior === undefined ? u : read(prior.apply(down, mode)).sample(u);
      const added = widen.apply(z, mode);
      down = below.apply(down === undefined ? added : down.add(added), mode);
    });
    return { latents, posteriors, outputs: last.apply(down!, mode) };
  }

  // The way by which latents were drawn has led to the image already.
  const known = new WeakMap<Tensor, Tensor>();

  const encode = (x: Tensor, mode: Mode): Posterior => {
    const [batch] = x.shape;
    const features = climb.features(x, mode);
    const centre = descend(features, (_, posterior) => posterior!.mean, mode);
    const scales = centre.posteriors.map(({ stddev }) => stddev);
    return {
      centre: joined(centre.latents, [batch]),
      stddev: joined(scales, [batch]),
      layers,
      draw: (noise) => {
        const leading = noise.shape.slice(0, 2); // [S, B]
        const epsilon = split(noise, shapes);
        const repeated = features.map((feature) => repeat(feature, leading[0]));
        const way = descend(repeated, (layer, posterior) => posterior!.sample(epsilon[layer]), mode);
        const z = joined(way.latents, leading); // [S, B, L]
        known.set(z, way.outputs);
        const each = (f: (posterior: Normal, layer: number) => Tensor) => joined(way.posteriors.map(f), leading);
        return {
          z,
          logProb: each((posterior, layer) => posterior.logProb(way.latents[layer])).sum(-1),
          klTo: (prior) => each((posterior) => prior.klFrom(posterior)!).mean(0),
        };
      },
    };
  };

  const decode = (z: Tensor, mode: Mode): Tensor => {
    const given = split(z, shapes);
    const outputs = known.get(z) ?? descend(undefined, (layer) => given[layer], mode).outputs;
    return outputs.reshape(...z.shape.slice(0, -1), outputs.shape[1]);
  };

  return { encoder: climb, decoder, beside: [], layers, encode, decode };
}

function climbOf(imageShape: ImageShape, levels: readonly Rise[], config: HierarchyConfig): Climb {
  const lowest = inLayers(levels, config.layers).at(-1)!.level;
  const steps = levels.map(({ outer, inner }, i) =>
    sequential(`encoder.up.${i}`, [
      i === 0 ? unflatten(imageShape) : activation(config.activation[0]),
      convolution(outer, inner, { ...HALVING, initializer: config.initializer }),
      ...lightBlocks(inner, i < lowest ? 0 : config.blocks, config),
    ]),
  );
  const posteriors = inLayers(levels, config.layers).map(({ inner }, layer) =>
    sequential(`encoder.posterior.${layer}`, [...lightBlocks(inner, 1, config), ...normalOf(inner, config)]),
  );
  return {
    ...partOf('Climb', { ...numbered('up', steps), ...numbered('posterior', posteriors) }),
    posteriors,
    features: (x, mode) => {
      let at = x;
      return steps.map((step) => {
        at = step.apply(at, mode);
        return at;
      });
    },
  };
}

function descentOf(levels: readonly Rise[], planes: number, config: HierarchyConfig): Descent {
  const { initializer } = config;
  const doubling = (inner: number, outer: number, size: Pair): LayerBuilder[] => [
    activation(config.activation[0]),
    transposedConvolution(inner, outer, { ...HALVING, size, initializer }),
  ];
  const order = inLayers(levels, config.layers);
  // What all layers add is as large at first as what one would: they add noise before they know better. Child (2021), section 4.
  const narrow = scaledBy(1 / Math.sqrt(order.length), initializer);
  const rungs = order.map(({ inner, outer, size, half, level }, layer): Rung => {
    const name = `decoder.${layer}`;
    const next = order[layer + 1];
    const isLast = next !== undefined && next.level < level;
    return {
      level,
      shape: [channelsOf(config), ...half],
      prior: layer === 0 ? undefined : sequential(`${name}.prior`, normalOf(inner, config)),
      widen: convolution(channelsOf(config), inner, { kernel: 1, initializer: narrow })(`${name}.widen`),
      below: sequential(`${name}.below`, [
        ...lightBlocks(inner, config.blocks, config),
        ...(isLast ? doubling(inner, outer, size) : []),
      ]),
    };
  });
  // From the lowest layer of latents to the pixels.
  const rest = levels.slice(0, order.at(-1)!.level + 1).reverse();
  const last = sequential('decoder.last', [
    ...rest.flatMap(({ inner, outer, size, level }) => doubling(inner, level === 0 ? planes : outer, size)),
    flatten(3),
  ]);
  const parts = rungs.flatMap(({ prior, widen, below }, layer): [string, Layer][] => [
    ...(prior ? [[`${layer}.prior`, prior] as [string, Layer]] : []),
    [`${layer}.widen`, widen],
    [`${layer}.below`, below],
  ]);
  return { ...partOf('Descent', { ...Object.fromEntries(parts), last }), rungs, last };
}

const HALVING = { kernel: 4, stride: 2, padding: halvingPadding(4) } as const;

/** A level with its number, counted from the pixels. */
interface Rise extends Level {
  readonly level: number;
}

function levelsFor(imageShape: ImageShape, { channels, latent }: HierarchyConfig): readonly Rise[] {
  const { kernel } = HALVING;
  const chosen = channelsTo(latent as LatentMap, imageShape, channels, kernel);
  const { levels } = levelsOf(imageShape, imageShape[0], chosen, {
    halve: (side) => halfOf(side, kernel),
    channels: () => MAP_WIDTH,
  });
  return levels.map((level, i) => ({ ...level, level: i }));
}

/** The level of each layer, the top one first: evenly, more at the top; of fewer layers than levels, one at each of the top. */
function inLayers(levels: readonly Rise[], layers: number): Rise[] {
  return levels.toReversed().flatMap((level, i) => {
    const count = Math.floor(layers / levels.length) + Number(i < layers % levels.length);
    return Array.from({ length: count }, () => level);
  });
}

const channelsOf = ({ latent }: HierarchyConfig): number => mapShape(latent)![0];

/** The mean and the raw scale of a layer's latents, both 0 at first. */
const normalOf = (inner: number, config: HierarchyConfig): LayerBuilder[] => [
  activation(config.activation[0]),
  convolution(inner, 2 * channelsOf(config), { kernel: 1, initializer: atZero }),
];

const numbered = (name: string, layers: readonly Layer[]): Record<string, Layer> =>
  Object.fromEntries(layers.map((layer, i) => [`${name}.${i}`, layer]));

/** A part of layers, which are called in it as their parameters are. */
const partOf = (kind: string, layers: Readonly<Record<string, Layer>>): Part => ({
  parameters: Object.values(layers).flatMap(({ parameters }) => parameters),
  pytorch: printModule(kind, layers),
});

/** Values of each layer, [N, C, H, W], as one row of latents, [..., L]. */
const joined = (parts: readonly Tensor[], leading: readonly number[]): Tensor =>
  concat(
    parts.map((part) => part.reshape(...leading, -1)),
    leading.length,
  );

/** Rows of latents, [..., L], as values of each layer, [N, C, H, W]. */
const split = (rows: Tensor, shapes: readonly ImageShape[]): Tensor[] =>
  rows.cut(shapes.map(sizeOf), -1).map((part, layer) => part.reshape(-1, ...shapes[layer]));

/** [B, C, H, W] for each of the samples: [S·B, C, H, W]. */
function repeat(features: Tensor, samples: number): Tensor {
  const [batch, ...image] = features.shape;
  return features
    .reshape(1, batch, ...image)
    .broadcastTo([samples, batch, ...image])
    .reshape(samples * batch, ...image);
}
