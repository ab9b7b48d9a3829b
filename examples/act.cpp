// Loads a trained run and acts in its environment, as a program that deploys a policy would.
// usage: act RUN               the folder that bin/train left; prints the return of one episode
#include <frostline/tools/config/environments.h>
#include <frostline/tools/runs/evaluation/evaluation_subject.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: act RUN\n");
    return 2;
  }
  try {
    const frost::EvaluationSubject run = frost::load_run(argv[1], "", {});
    const auto environment = frost::environment_factory(run.config)();
    const frost::BatchPolicy policy = frost::network_policy(*run.setup.network, true);
    frost::RandomStream random(0, frost::StreamPurpose::kEvaluation);
    environment->reset(7);
    double total = 0;
    for (frost::StepResult step; !step.done();) {
      step = environment->step(policy({environment.get()}, {&random})[0]);
      total += step.reward[frost::kTotal];
    }
    std::printf("%s: return %.3f in %d steps\n", environment->spec().name.c_str(), total,
                environment->episode_steps());
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "error: %s\n", fault.what());
    return 1;
  }
}
