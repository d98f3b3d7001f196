/** The server at one moment. */
export interface Sample {
  readonly minute: number;
  /** Smallest resident set since the moment before. */
  readonly megabytes: number;
  readonly blocks: number;
  readonly descriptors: number;
}

/** A trend over time. */
export interface Drift {
  /** MB at the beginning and the end, on the line that fits best. */
  readonly first: number;
  readonly last: number;
  /** Growth as a share of the beginning; negative when it shrinks. */
  readonly share: number;
}

/**
 * The trend of the resident set over the last 80 % of the samples: a least-squares line through the lowest sample of
 * each of sixteen stretches of time, as what the collector has not yet taken back is no leak.
 */
export function drift(samples: readonly Sample[]): Drift {
  const floor = lowest(samples.slice(Math.floor(samples.length / 5)), STRETCHES);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = floor.map(({ minute }) => minute);
  const y = floor.map(({ megabytes }) => megabytes);
  const [middleX, middleY] = [mean(x), mean(y)];
  const slope =
    x.reduce((sum, value, i) => sum + (value - middleX) * (y[i]! - middleY), 0) /
    x.reduce((sum, value) => sum + (value - middleX) ** 2, 0);
  const first = middleY + slope * (x[0]! - middleX);
  const last = middleY + slope * (x.at(-1)! - middleX);
  return { first, last, share: (last - first) / first };
}

const STRETCHES = 16;

function lowest(samples: readonly Sample[], stretches: number): Sample[] {
  const length = samples.length / stretches;
  return Array.from({ length: stretches }, (_, i) =>
    samples
      .slice(Math.floor(i * length), Math.floor((i + 1) * length))
      .reduce((least, sample) => (sample.megabytes < least.megabytes ? sample : least)),
  );
}
