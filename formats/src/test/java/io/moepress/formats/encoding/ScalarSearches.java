package io.moepress.formats.encoding;

/// The searches one run at a time, as their definitions read: what [OffsetSearch] and
/// [SignedSearch] must find for every run, to the bit.
final class ScalarSearches {

  /// What a search finds for a run.
  record Found(float scale, float offset, int[] codes) {}

  private ScalarSearches() {}

  static Found offset(float[] x, float[] w, OffsetSearch.Tries tries) {
    float low = 0;
    float high = Float.NEGATIVE_INFINITY;
    float sumW = 0;
    float sumX = 0;
    for (int i = 0; i < x.length; i++) {
      low = Math.min(low, x[i]);
      high = Math.max(high, x[i]);
      sumW += w[i];
      sumX += w[i] * x[i];
    }
    if (high <= low) {
      return new Found(0, -low, new int[x.length]);
    }
    int[] best = codes(x, tries.highest() / (high - low), low, tries.highest());
    float scale = 1 / (tries.highest() / (high - low));
    float smallest = error(x, w, best, new float[] {scale, low}, tries.absolute());
    for (int t = 0; t <= tries.steps(); t++) {
      float inverse = (tries.first() + tries.step() * t + tries.highest()) / (high - low);
      int[] codes = codes(x, inverse, low, tries.highest());
      float[] line = line(x, w, codes, sumW, sumX);
      if (line.length > 0 && error(x, w, codes, line, tries.absolute()) < smallest) {
        smallest = error(x, w, codes, line, tries.absolute());
        best = codes;
        scale = line[0];
        low = line[1];
      }
    }
    return new Found(scale, -low, best);
  }

  private static int[] codes(float[] x, float inverse, float low, int highest) {
    int[] codes = new int[x.length];
    for (int i = 0; i < x.length; i++) {
      codes[i] = Math.clamp((long) Math.rint(inverse * (x[i] - low)), 0, highest);
    }
    return codes;
  }

  private static float[] line(float[] x, float[] w, int[] codes, float sumW, float sumX) {
    float ones = 0;
    float squares = 0;
    float products = 0;
    for (int i = 0; i < x.length; i++) {
      ones += w[i] * codes[i];
      squares += w[i] * codes[i] * codes[i];
      products += w[i] * codes[i] * x[i];
    }
    float determinant = sumW * squares - ones * ones;
    if (!(determinant > 0)) {
      return new float[0];
    }
    float scale = (sumW * products - sumX * ones) / determinant;
    float low = (squares * sumX - ones * products) / determinant;
    return low > 0 ? new float[] {products / squares, 0} : new float[] {scale, low};
  }

  private static float error(float[] x, float[] w, int[] codes, float[] line, boolean absolute) {
    float sum = 0;
    for (int i = 0; i < x.length; i++) {
      float difference = line[0] * codes[i] + line[1] - x[i];
      sum += w[i] * (absolute ? Math.abs(difference) : difference * difference);
    }
    return sum;
  }

  static Found signed(float[] x, float[] w, int highest) {
    float largest = Rounding.largest(x, 0, x.length);
    if (Math.abs(largest) < 1e-15f) {
      return new Found(0, 0, new int[x.length]);
    }
    int[] best = new int[0];
    float scale = 0;
    float score = 0;
    for (int t : new int[] {0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
      float inverse = -(highest + 0.1f * t) / largest;
      int[] codes = new int[x.length];
      float products = 0;
      float squares = 0;
      for (int i = 0; i < x.length; i++) {
        int code = Math.clamp((long) Math.rint(inverse * x[i]), -highest, highest - 1);
        codes[i] = code + highest;
        products += w[i] * x[i] * code;
        squares += w[i] * code * code;
      }
      if (t == 0 || (squares > 0 && products * products > score * squares)) {
        best = codes;
        scale = squares > 0 ? products / squares : 0;
        score = scale * products;
      }
    }
    return new Found(scale, 0, best);
  }
}
