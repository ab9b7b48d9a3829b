#pragma once

// The member of Config a key is bound to.
#define MEMBER(member)           \
  [](Config & config) -> auto& { \
    return config.member;        \
  }
