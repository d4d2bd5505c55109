package io.moepress.cli.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class HtmlTest {

  @Test
  void textAndAttributesAreEscaped() {
    String html = new Html().element("p", "a < b & \"c\"", "title", "'\"><script>").done();

    assertThat(html)
        .isEqualTo("<p title=\"&#39;&quot;&gt;&lt;script&gt;\">a &lt; b &amp; &quot;c&quot;</p>\n");
  }

  @Test
  void whatCannotBeSeenIsShownAsSuch() {
    assertThat(new Html().text("a\u0000b\u202Ec\ud800d\ne").done())
        .isEqualTo("a\uFFFDb\uFFFDc\uFFFDd\ne");
  }

  @Test
  void anElementThatIsLeftOpenIsAMistake() {
    Html html = new Html().open("p");

    assertThatThrownBy(html::done).hasMessageContaining("[p]");
  }

  @Test
  void theColourOfAnExpertIsItsMultipleOfAnEqualShare() {
    assertThat(DoubleStream.of(0, 0.001, 0.125, 0.24, 0.5, 1, 3.9, 4, 99).map(ExpertMap::level))
        .containsExactly(0., 1., 2., 2., 4., 5., 6., 7., 7.);
  }

  @Test
  void scoresThatDifferMuchArePlacedByTheirRatio() {
    assertThat(Scores.place(3, DoubleStream.of(2, 6).summaryStatistics())).isEqualTo(0.25);
    assertThat(Scores.place(10, DoubleStream.of(1, 100).summaryStatistics())).isEqualTo(0.5);
    assertThat(Scores.place(0, DoubleStream.of(0, 100).summaryStatistics())).isEqualTo(0);
    assertThat(Scores.place(7, DoubleStream.of(7, 7).summaryStatistics())).isEqualTo(0.5);
  }

  @Test
  void numbersInARowAreARange() {
    assertThat(Ranges.text(List.of(0, 1, 2, 5, 7, 8))).isEqualTo("0–2 5 7–8");
  }
}
