// Calls what no program of this version has.
namespace frost {
void of_another_version(int);
}

extern "C" const void* frost_environment_plugin() {
  frost::of_another_version(1);
  return nullptr;
}
