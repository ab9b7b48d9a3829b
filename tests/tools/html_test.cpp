#include "tools/reports/html.h"

#include <gtest/gtest.h>

#include "kernels/errors.h"

namespace frost {
namespace {

TEST(Html, TextIsEscaped) {
  EXPECT_EQ(html_escape("a < b && \"c\" > d"), "a &lt; b &amp;&amp; &quot;c&quot; &gt; d");
}

// The vectors of RFC 4648, section 10.
TEST(Html, AnEmbeddedImageHoldsItsBytesInBase64) {
  for (const auto& [bytes, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"},
                                    {"\xff\xfe\xfd", "//79"}}) {
    EXPECT_EQ(embedded_image("image/png", bytes, "a & b"),
              std::string("<img src=\"data:image/png;base64,") + text + "\" alt=\"a &amp; b\">\n");
  }
}

TEST(Html, APageHasItsTitleAsHeading) {
  const std::string page = html_page("a<b", "<p>text</p>");
  EXPECT_NE(page.find("<title>a&lt;b</title>"), page.npos);
  EXPECT_NE(page.find("<h1>a&lt;b</h1>\n<p>text</p>"), page.npos);
}

TEST(Html, ATemplateIsFilledOnceAndWholly) {
  EXPECT_EQ(fill_template("{{a}} {b} {{b}}{{a}}", {{"a", "{{b}}"}, {"b", "1"}}),
            "{{b}} {b} 1{{b}}");
  EXPECT_THROW(fill_template("{{c}}", {{"a", "1"}}), Error);
}

}  // namespace
}  // namespace frost
