// The CUDA driver interface, as far as gorgonia.org/cu v0.9.6 and package driver use it: enough to compile both where no CUDA toolkit
// is installed. Types and constants are declared here after the CUDA Driver API reference; the functions are listed in
// cuda_functions.h, and defined in the binary itself (package dl), which finds the driver's when the program runs.
//
// Functions carry the names that the driver's library exports, which never change their meaning (cuMemAlloc_v2); the macros at the
// end give them the names that programs call. So one binary works with the drivers of CUDA 11, 12 and 13.
#ifndef UNROLL_CUDA_H
#define UNROLL_CUDA_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h> // gorgonia.org/cu counts on it

#include "cuda_constants.h"

#define VALUE(name, value) name = value,
typedef enum CUresult { CURESULT_VALUES(VALUE) } CUresult;
typedef enum CUdevice_attribute { CUDEVICE_ATTRIBUTE_VALUES(VALUE) } CUdevice_attribute;
typedef enum CUfunction_attribute { CUFUNCTION_ATTRIBUTE_VALUES(VALUE) } CUfunction_attribute;
typedef enum CUstreamCaptureMode { CUSTREAM_CAPTURE_MODE_VALUES(VALUE) } CUstreamCaptureMode;
typedef enum CUarray_format { CUARRAY_FORMAT_VALUES(VALUE) } CUarray_format;
typedef enum CUaddress_mode { CUADDRESS_MODE_VALUES(VALUE) } CUaddress_mode;
typedef enum CUfilter_mode { CUFILTER_MODE_VALUES(VALUE) } CUfilter_mode;
typedef enum CUfunc_cache { CUFUNC_CACHE_VALUES(VALUE) } CUfunc_cache;
typedef enum CUsharedconfig { CUSHAREDCONFIG_VALUES(VALUE) } CUsharedconfig;
typedef enum CUmemorytype { CUMEMORYTYPE_VALUES(VALUE) } CUmemorytype;
typedef enum CUmem_advise { CUMEM_ADVISE_VALUES(VALUE) } CUmem_advise;
typedef enum CUpointer_attribute { CUPOINTER_ATTRIBUTE_VALUES(VALUE) } CUpointer_attribute;
typedef enum CUdevice_P2PAttribute { CUDEVICE_P2PATTRIBUTE_VALUES(VALUE) } CUdevice_P2PAttribute;
typedef enum CUlimit { CULIMIT_VALUES(VALUE) } CUlimit;
typedef enum CUjit_option { CUJIT_OPTION_VALUES(VALUE) } CUjit_option;
typedef enum CUlaunchAttributeID { CULAUNCH_ATTRIBUTE_ID_VALUES(VALUE) } CUlaunchAttributeID;
typedef enum CUjitInputType { CUJIT_INPUT_TYPE_VALUES(VALUE) } CUjitInputType;
enum { CUCTX_FLAGS_VALUES(VALUE) };
enum { CUSTREAM_FLAGS_VALUES(VALUE) };
enum { CUEVENT_FLAGS_VALUES(VALUE) };
enum { CUMEM_ATTACH_FLAGS_VALUES(VALUE) };
enum { CUOCCUPANCY_FLAGS_VALUES(VALUE) };
enum { CUTEXREF_FLAGS_VALUES(VALUE) };
enum { CUJIT_TARGET_VALUES(VALUE) };
enum { CUJIT_FALLBACK_VALUES(VALUE) };
enum { CUJIT_CACHE_MODE_VALUES(VALUE) };
#undef VALUE

typedef int CUdevice;
typedef unsigned long long CUdeviceptr; // an address in device memory
typedef uint32_t cuuint32_t;

typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphNode_st *CUgraphNode;
typedef struct CUgraphExec_st *CUgraphExec;
typedef struct CUarray_st *CUarray;
typedef struct CUtexref_st *CUtexref;
typedef struct CUsurfref_st *CUsurfref;
typedef struct CUlinkState_st *CUlinkState;
typedef void (*CUhostFn)(void *userData);

typedef struct { char bytes[16]; } CUuuid;

typedef struct {
	size_t Width, Height;
	CUarray_format Format;
	unsigned int NumChannels;
} CUDA_ARRAY_DESCRIPTOR;

typedef struct {
	size_t Width, Height, Depth;
	CUarray_format Format;
	unsigned int NumChannels;
	unsigned int Flags;
} CUDA_ARRAY3D_DESCRIPTOR;

typedef struct {
	size_t srcXInBytes, srcY;
	CUmemorytype srcMemoryType;
	const void *srcHost;
	CUdeviceptr srcDevice;
	CUarray srcArray;
	size_t srcPitch;
	size_t dstXInBytes, dstY;
	CUmemorytype dstMemoryType;
	void *dstHost;
	CUdeviceptr dstDevice;
	CUarray dstArray;
	size_t dstPitch;
	size_t WidthInBytes, Height;
} CUDA_MEMCPY2D;

typedef struct {
	size_t srcXInBytes, srcY, srcZ, srcLOD;
	CUmemorytype srcMemoryType;
	const void *srcHost;
	CUdeviceptr srcDevice;
	CUarray srcArray;
	void *reserved0;
	size_t srcPitch, srcHeight;
	size_t dstXInBytes, dstY, dstZ, dstLOD;
	CUmemorytype dstMemoryType;
	void *dstHost;
	CUdeviceptr dstDevice;
	CUarray dstArray;
	void *reserved1;
	size_t dstPitch, dstHeight;
	size_t WidthInBytes, Height, Depth;
} CUDA_MEMCPY3D;

typedef struct {
	size_t srcXInBytes, srcY, srcZ, srcLOD;
	CUmemorytype srcMemoryType;
	const void *srcHost;
	CUdeviceptr srcDevice;
	CUarray srcArray;
	CUcontext srcContext;
	size_t srcPitch, srcHeight;
	size_t dstXInBytes, dstY, dstZ, dstLOD;
	CUmemorytype dstMemoryType;
	void *dstHost;
	CUdeviceptr dstDevice;
	CUarray dstArray;
	CUcontext dstContext;
	size_t dstPitch, dstHeight;
	size_t WidthInBytes, Height, Depth;
} CUDA_MEMCPY3D_PEER;

// The first version: that of cuGraphAddKernelNode without a suffix.
typedef struct {
	CUfunction func;
	unsigned int gridDimX, gridDimY, gridDimZ;
	unsigned int blockDimX, blockDimY, blockDimZ;
	unsigned int sharedMemBytes;
	void **kernelParams;
	void **extra;
} CUDA_KERNEL_NODE_PARAMS_v1;
typedef CUDA_KERNEL_NODE_PARAMS_v1 CUDA_KERNEL_NODE_PARAMS;

typedef struct {
	CUhostFn fn;
	void *userData;
} CUDA_HOST_NODE_PARAMS;

typedef struct {
	CUdeviceptr dst;
	size_t pitch;
	unsigned int value;
	unsigned int elementSize;
	size_t width, height;
} CUDA_MEMSET_NODE_PARAMS;

typedef union {
	char pad[64];
	int programmaticStreamSerializationAllowed;
} CUlaunchAttributeValue;

typedef struct {
	CUlaunchAttributeID id;
	char pad[8 - sizeof(CUlaunchAttributeID)];
	CUlaunchAttributeValue value;
} CUlaunchAttribute;

typedef struct {
	unsigned int gridDimX, gridDimY, gridDimZ;
	unsigned int blockDimX, blockDimY, blockDimZ;
	unsigned int sharedMemBytes;
	CUstream hStream;
	CUlaunchAttribute *attrs;
	unsigned int numAttrs;
} CUlaunchConfig;

#include "cuda_functions.h"

#define DECLARE(name, params, args) CUresult name params;
CUDA_FUNCTIONS(DECLARE)
#undef DECLARE
CUresult cuInit(unsigned int flags);

#define cuArray3DCreate cuArray3DCreate_v2
#define cuArray3DGetDescriptor cuArray3DGetDescriptor_v2
#define cuArrayCreate cuArrayCreate_v2
#define cuArrayGetDescriptor cuArrayGetDescriptor_v2
#define cuCtxCreate cuCtxCreate_v2
#define cuCtxDestroy cuCtxDestroy_v2
#define cuCtxPopCurrent cuCtxPopCurrent_v2
#define cuCtxPushCurrent cuCtxPushCurrent_v2
#define cuDevicePrimaryCtxRelease cuDevicePrimaryCtxRelease_v2
#define cuDevicePrimaryCtxReset cuDevicePrimaryCtxReset_v2
#define cuDevicePrimaryCtxSetFlags cuDevicePrimaryCtxSetFlags_v2
#define cuDeviceTotalMem cuDeviceTotalMem_v2
#define cuEventDestroy cuEventDestroy_v2
#define cuLinkAddData cuLinkAddData_v2
#define cuLinkAddFile cuLinkAddFile_v2
#define cuLinkCreate cuLinkCreate_v2
#define cuMemAlloc cuMemAlloc_v2
#define cuMemAllocHost cuMemAllocHost_v2
#define cuMemAllocPitch cuMemAllocPitch_v2
#define cuMemFree cuMemFree_v2
#define cuMemGetAddressRange cuMemGetAddressRange_v2
#define cuMemGetInfo cuMemGetInfo_v2
#define cuMemcpy2D cuMemcpy2D_v2
#define cuMemcpy2DAsync cuMemcpy2DAsync_v2
#define cuMemcpy2DUnaligned cuMemcpy2DUnaligned_v2
#define cuMemcpy3D cuMemcpy3D_v2
#define cuMemcpy3DAsync cuMemcpy3DAsync_v2
#define cuMemcpyAtoA cuMemcpyAtoA_v2
#define cuMemcpyAtoD cuMemcpyAtoD_v2
#define cuMemcpyAtoH cuMemcpyAtoH_v2
#define cuMemcpyAtoHAsync cuMemcpyAtoHAsync_v2
#define cuMemcpyDtoA cuMemcpyDtoA_v2
#define cuMemcpyDtoD cuMemcpyDtoD_v2
#define cuMemcpyDtoDAsync cuMemcpyDtoDAsync_v2
#define cuMemcpyDtoH cuMemcpyDtoH_v2
#define cuMemcpyDtoHAsync cuMemcpyDtoHAsync_v2
#define cuMemcpyHtoA cuMemcpyHtoA_v2
#define cuMemcpyHtoAAsync cuMemcpyHtoAAsync_v2
#define cuMemcpyHtoD cuMemcpyHtoD_v2
#define cuMemcpyHtoDAsync cuMemcpyHtoDAsync_v2
#define cuMemsetD16 cuMemsetD16_v2
#define cuMemsetD2D16 cuMemsetD2D16_v2
#define cuMemsetD2D32 cuMemsetD2D32_v2
#define cuMemsetD2D8 cuMemsetD2D8_v2
#define cuMemsetD32 cuMemsetD32_v2
#define cuMemsetD8 cuMemsetD8_v2
#define cuModuleGetGlobal cuModuleGetGlobal_v2
#define cuStreamBeginCapture cuStreamBeginCapture_v2
#define cuStreamDestroy cuStreamDestroy_v2
#define cuStreamWaitValue32 cuStreamWaitValue32_v2
#define cuStreamWriteValue32 cuStreamWriteValue32_v2
#define cuTexRefGetAddress cuTexRefGetAddress_v2
#define cuTexRefSetAddress cuTexRefSetAddress_v2
#define cuTexRefSetAddress2D cuTexRefSetAddress2D_v3

#endif
