// A library that is no plugin.
extern "C" int frost_no_plugin() {
  return 0;
}
