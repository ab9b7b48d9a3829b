#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "tests/gpu_double/cudnn/fixture.h"

// What the double of cuDNN refuses before anything is executed.
namespace frost::gpu_double::cudnn {
namespace {

using Refused = std::pair<cudnnStatus_t, std::string>;

Refused refused(cudnnStatus_t status) {
  return {status, status == CUDNN_STATUS_SUCCESS ? "" : last_error()};
}

#define EXPECT_REFUSED(call, expected, part)                                    \
  do {                                                                          \
    const auto [status, text] = refused(call);                                  \
    EXPECT_EQ(status, expected) << cudnnGetErrorString(status) << ": " << text; \
    EXPECT_NE(text.find(part), std::string::npos) << text;                      \
  } while (false)

TEST(CudnnDouble, IsVersion919AndNamesItsStatuses) {
  EXPECT_EQ(cudnnGetVersion() / 100, 919U);
  EXPECT_STREQ(cudnnGetErrorString(CUDNN_STATUS_BAD_PARAM), "CUDNN_STATUS_BAD_PARAM");
}

TEST(CudnnDouble, AttributesAreTypedAndCounted) {
  Made tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  EXPECT_REFUSED(tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, std::vector<float>{1}),
                 CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE, "attribute 906");
  EXPECT_REFUSED(tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, std::vector<std::int64_t>{1, 2}),
                 CUDNN_STATUS_BAD_PARAM, "2 elements");
  EXPECT_REFUSED(tensor.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::vector<std::int64_t>{1, 2}),
                 CUDNN_STATUS_BAD_PARAM, "none of this descriptor's");
  EXPECT_REFUSED(cudnnBackendSetAttribute(tensor.raw(), CUDNN_ATTR_TENSOR_UNIQUE_ID,
                                          CUDNN_TYPE_INT64, 1, nullptr),
                 CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "null");
}

TEST(CudnnDouble, AFinalizedDescriptorDoesNotChange) {
  Made tensor = unfinished(small_convolution().x).finalized();
  EXPECT_REFUSED(tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, std::vector<std::int64_t>{9}),
                 CUDNN_STATUS_BAD_PARAM, "after finalization");
  EXPECT_REFUSED(tensor.finalize(), CUDNN_STATUS_BAD_PARAM, "twice");
  EXPECT_EQ(tensor.get<std::int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID), std::vector<std::int64_t>{1});
}

TEST(CudnnDouble, OnlyAFinalizedDescriptorAnswers) {
  const Made tensor = unfinished(small_convolution().x);
  std::int64_t uid = 0;
  EXPECT_REFUSED(cudnnBackendGetAttribute(tensor.raw(), CUDNN_ATTR_TENSOR_UNIQUE_ID,
                                          CUDNN_TYPE_INT64, 1, nullptr, &uid),
                 CUDNN_STATUS_NOT_INITIALIZED, "before finalization");
}

TEST(CudnnDouble, AnAnswerIsTypedAndCounted) {
  const Made tensor = unfinished(small_convolution().x).finalized();
  const auto get = [&](cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                       std::int64_t wanted, std::int64_t* count, void* into) {
    return cudnnBackendGetAttribute(tensor.raw(), name, type, wanted, count, into);
  };
  std::int64_t count = 0, dims[4] = {};
  EXPECT_EQ(get(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 0, &count, nullptr),
            CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(count, 4);
  EXPECT_EQ(get(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 2, &count, dims),
            CUDNN_STATUS_SUCCESS);
  EXPECT_EQ(count, 2);
  EXPECT_EQ(dims[2], 0);
  EXPECT_REFUSED(get(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_FLOAT, 4, &count, dims),
                 CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE, "attribute 902");
  EXPECT_REFUSED(get(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &count, dims),
                 CUDNN_STATUS_BAD_PARAM, "was not set");
}

TEST(CudnnDouble, AMissingAttributeIsNamed) {
  Made tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  EXPECT_REFUSED(tensor.finalize(), CUDNN_STATUS_BAD_PARAM, "attribute 901 is missing");
}

TEST(CudnnDouble, AChildIsFinalizedAndOfItsType) {
  const Convolution convolution = small_convolution();
  Made operation(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  const Made unready = unfinished(convolution.x);
  EXPECT_REFUSED(operation.set_children(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, {&unready}),
                 CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "before finalization");
  const Made window = unfinished(convolution.window).finalized();
  for (const auto name :
       {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC}) {
    operation.with(name, window);
  }
  EXPECT_REFUSED(operation.finalize(), CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "another type");
}

TEST(CudnnDouble, AnUnknownDescriptorIsNotSupported) {
  cudnnBackendDescriptor_t raw = nullptr;
  EXPECT_REFUSED(cudnnBackendCreateDescriptor(CUDNN_BACKEND_MATMUL_DESCRIPTOR, &raw),
                 CUDNN_STATUS_NOT_SUPPORTED, "type 18");
}

TEST(CudnnDouble, TensorsAreChecked) {
  const auto finalize = [](const std::function<void(Tensor&)>& change) {
    Tensor tensor = small_convolution().x;
    change(tensor);
    return unfinished(tensor).finalize();
  };
  EXPECT_REFUSED(finalize([](Tensor& t) { t.dims[0] = -1; }), CUDNN_STATUS_BAD_PARAM, "below 1");
  EXPECT_REFUSED(finalize([](Tensor& t) { t.strides[2] = 0; }), CUDNN_STATUS_BAD_PARAM, "below 1");
  EXPECT_REFUSED(finalize([](Tensor& t) { t.strides[3] = 3; }), CUDNN_STATUS_BAD_PARAM, "overlap");
  EXPECT_REFUSED(finalize([](Tensor& t) { t.alignment = 2; }), CUDNN_STATUS_BAD_PARAM,
                 "less than an element");
  EXPECT_REFUSED(finalize([](Tensor& t) { t.alignment = 12; }), CUDNN_STATUS_BAD_PARAM,
                 "power of two");
  EXPECT_REFUSED(finalize([](Tensor& t) { t.type = CUDNN_DATA_HALF; }),
                 CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE, "bfloat16");
  Made flat = unfinished(small_convolution().x);
  flat.with(CUDNN_ATTR_TENSOR_DIMENSIONS, std::int64_t{2}, std::int64_t{3}, std::int64_t{4});
  EXPECT_REFUSED(flat.finalize(), CUDNN_STATUS_NOT_SUPPORTED_SHAPE, "3 elements, not 4");
}

TEST(CudnnDouble, ConvolutionsAreChecked) {
  const auto finalize = [](const std::function<void(Convolution&)>& change) {
    Convolution convolution = small_convolution();
    change(convolution);
    for (Tensor* t : {&convolution.x, &convolution.w, &convolution.y}) t->strides = nhwc(t->dims);
    return unfinished(convolution).finalize();
  };
  EXPECT_EQ(finalize([](Convolution&) {}), CUDNN_STATUS_SUCCESS);
  EXPECT_REFUSED(finalize([](Convolution& c) { c.y.dims[2] = 6; }), CUDNN_STATUS_BAD_PARAM, "size");
  EXPECT_REFUSED(finalize([](Convolution& c) { c.y.dims[3] = 5; }), CUDNN_STATUS_BAD_PARAM, "size");
  EXPECT_REFUSED(finalize([](Convolution& c) {
                   c.window.stride = {2, 2};
                 }),
                 CUDNN_STATUS_BAD_PARAM, "size");
  EXPECT_REFUSED(finalize([](Convolution& c) { c.w.dims[1] = 5; }), CUDNN_STATUS_BAD_PARAM,
                 "channels");
  EXPECT_REFUSED(finalize([](Convolution& c) { c.w.dims[0] = 9; }), CUDNN_STATUS_BAD_PARAM,
                 "filters");
  EXPECT_REFUSED(finalize([](Convolution& c) { c.y.dims[0] = 3; }), CUDNN_STATUS_BAD_PARAM,
                 "images");
}

TEST(CudnnDouble, WindowsAreChecked) {
  for (const auto member : {&Window::pad_before, &Window::pad_after, &Window::stride}) {
    Window window = small_convolution().window;
    (window.*member)[1] = -1;
    EXPECT_REFUSED(unfinished(window).finalize(), CUDNN_STATUS_BAD_PARAM, "negative padding");
  }
  Made one = unfinished(small_convolution().window);
  one.with(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, std::int64_t{1});
  EXPECT_REFUSED(one.finalize(), CUDNN_STATUS_BAD_PARAM, "1 elements, not 2");
}

TEST(CudnnDouble, PointwiseOperationsAreChecked) {
  const auto finalize = [](const std::function<void(Pointwise&)>& change) {
    Pointwise add = std::get<Pointwise>(fused_graph().operations[1]);
    change(add);
    return unfinished(add).finalize();
  };
  EXPECT_EQ(finalize([](Pointwise&) {}), CUDNN_STATUS_SUCCESS);
  EXPECT_REFUSED(finalize([](Pointwise& p) { p.b.reset(); }), CUDNN_STATUS_BAD_PARAM, "two");
  EXPECT_REFUSED(finalize([](Pointwise& p) { p.mode = CUDNN_POINTWISE_RELU_FWD; }),
                 CUDNN_STATUS_BAD_PARAM, "RELU_FWD one");
  EXPECT_REFUSED(finalize([](Pointwise& p) { p.mode = CUDNN_POINTWISE_MUL; }),
                 CUDNN_STATUS_NOT_SUPPORTED, "ADD and RELU_FWD");
  EXPECT_REFUSED(finalize([](Pointwise& p) { p.b->dims[1] = 7; }),
                 CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "broadcast");
  EXPECT_REFUSED(finalize([](Pointwise& p) { p.x.dims[0] = 1; }),
                 CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "differ in size");
}

TEST(CudnnDouble, GraphsAreChecked) {
  const Library library;
  const auto finalize = [&](const std::function<void(std::vector<Operation>&)>& change) {
    Graph graph = fused_graph();
    change(graph.operations);
    return library.unfinished_graph(graph).finalize();
  };
  using Operations = std::vector<Operation>;
  const auto pointwise = [](Operations& o, std::size_t i) -> Pointwise& {
    return std::get<Pointwise>(o[i]);
  };
  EXPECT_EQ(finalize([](Operations&) {}), CUDNN_STATUS_SUCCESS);
  EXPECT_REFUSED(finalize([&](Operations& o) { pointwise(o, 1).b->uid = 2; }),
                 CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "uid 2");
  EXPECT_REFUSED(finalize([&](Operations& o) { pointwise(o, 2).x.uid = 102; }),
                 CUDNN_STATUS_BAD_PARAM, "nothing before its reader writes");
  EXPECT_REFUSED(finalize([](Operations& o) { o.pop_back(); }), CUDNN_STATUS_BAD_PARAM,
                 "nothing reads");
  EXPECT_REFUSED(finalize([](Operations& o) { std::swap(o[1], o[2]); }), CUDNN_STATUS_BAD_PARAM,
                 "nothing before its reader writes");
  EXPECT_REFUSED(finalize([&](Operations& o) { pointwise(o, 2).y = pointwise(o, 1).y; }),
                 CUDNN_STATUS_BAD_PARAM, "after it was read or written");
  EXPECT_REFUSED(finalize([](Operations& o) { o[1] = o[0]; }),
                 CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN, "and then pointwise");
}

TEST(CudnnDouble, AVariantPackPairsUidsAndPointers) {
  void* data = &data;
  Made uneven(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  uneven.with(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::int64_t{1}, std::int64_t{2})
      .with(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, data);
  EXPECT_REFUSED(uneven.finalize(), CUDNN_STATUS_BAD_PARAM, "2 uids and 1 pointers");
  Made twice(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  twice.with(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::int64_t{1}, std::int64_t{1})
      .with(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, data, data);
  EXPECT_REFUSED(twice.finalize(), CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "uid 1 twice");
}

TEST(CudnnDouble, NullIsRefused) {
  EXPECT_REFUSED(cudnnCreate(nullptr), CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no place");
  EXPECT_REFUSED(cudnnSetStream(nullptr, nullptr), CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "handle");
  EXPECT_REFUSED(cudnnBackendFinalize(nullptr), CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "descriptor");
}

TEST(CudnnDoubleDeathTest, WhatIsDestroyedIsNotUsed) {
  Made tensor = unfinished(small_convolution().x);
  const cudnnBackendDescriptor_t raw = tensor.raw();
  { const Made gone = std::move(tensor); }
  EXPECT_DEATH(cudnnBackendFinalize(raw), "descriptor is used that was destroyed");
  cudnnHandle_t handle = nullptr;
  ASSERT_EQ(cudnnCreate(&handle), CUDNN_STATUS_SUCCESS);
  ASSERT_EQ(cudnnDestroy(handle), CUDNN_STATUS_SUCCESS);
  EXPECT_DEATH(cudnnDestroy(handle), "handle is used that was destroyed");
}

TEST(CudnnDouble, WithoutADriverThereIsNoHandle) {
  const auto create = [](const std::string& words) {
    const SettingsScope scope(words);
    cudnnHandle_t handle = nullptr;
    return cudnnCreate(&handle);
  };
  EXPECT_EQ(create("driver=none"), CUDNN_STATUS_NOT_INITIALIZED);
  EXPECT_EQ(create("driver=old"), CUDNN_STATUS_NOT_SUPPORTED_INCOMPATIBLE_CUDA_DRIVER);
}

}  // namespace
}  // namespace frost::gpu_double::cudnn
